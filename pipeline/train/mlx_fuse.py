"""Fold a LoRA adapter into its base by mlx-lm, and check every weight of the result."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import EdgeError
from pipeline.mlx_program import run_mlx
from pipeline.train import adapter as lora
from pipeline.train.mlx_lora import FOLDER
from pipeline.train.weights import model_shapes, shapes, weight_files

if TYPE_CHECKING:
    from torch import Tensor


def fuse_adapter(out: Path, scratch: Path, *, base: Path, adapter: Path) -> None:
    """Write base + (alpha/r) * B @ A to ``out`` as a Hugging Face directory of the base's dtype, with the base's other files.

    ``mlx_lm fuse`` adds, in a process of its own, the adapter in its own form; the weights are then held against PEFT's form of
    it.  EdgeError when they differ by more than rounding, or mlx-lm fails.
    """
    fused = scratch / "fused"
    shutil.rmtree(fused, ignore_errors=True)
    run_mlx(["mlx_lm", "fuse", "--model", str(base.resolve()), "--adapter-path", str((adapter / FOLDER).resolve()),
             "--save-path", str(fused.resolve())], log=scratch / "fuse.log")
    check_fused(fused, base=base, adapter=adapter)
    made, old = weight_files(fused), {file.name for file in weight_files(base)}
    for file in base.iterdir():
        if file.is_file() and file.name not in old and not file.name.endswith(".index.json"):
            shutil.copyfile(file, out / file.name)
    for file in made if len(made) == 1 else [*made, fused / "model.safetensors.index.json"]:
        shutil.move(file, out / file.name)


def check_fused(fused: Path, *, base: Path, adapter: Path) -> None:
    """EdgeError unless each target weight is base + (alpha/r) * B @ A, by PEFT's form of the adapter, and every other the base's.

    A target may be off by rounding: 4 units in the last place of |base| + (alpha/r) * |B| @ |A|.  This is wider than
    `pipeline.train.merge.check_merge`, which knows that PEFT adds up in the same order as it does.
    """
    from safetensors import safe_open

    names, found = model_shapes(base), shapes(weight_files(fused))
    if names != found:
        wrong = sorted(name for name in names.keys() | found.keys() if names.get(name) != found.get(name))
        raise EdgeError(f"{fused}: expected the base's {len(names)} tensors, found {len(wrong)} missing, added or of another shape, "
                        f"first {wrong[0]}; fuse again")
    with ExitStack() as stack:
        def tensors(files: list[Path]) -> dict[str, Any]:
            """Name -> the open file that holds the tensor: one at a time is held in memory."""
            opened = [stack.enter_context(safe_open(file, "pt")) for file in files]
            return {name: file for file in opened for name in file.keys()}

        old, new, factors = tensors(weight_files(base)), tensors(weight_files(fused)), tensors([adapter / lora.WEIGHTS])
        scale = lora.scaling(adapter)
        for name in sorted(names):
            pair = [factors[key].get_tensor(key) for side in "BA" if (key := f"{lora.lora_name(name)}.lora_{side}.weight") in factors]
            off = _excess(old[name].get_tensor(name), new[name].get_tensor(name), pair, scale)
            if not off <= 0:
                raise EdgeError(f"{fused}: expected {name} to be the base's plus the adapter's update, found it off by {off:.3g} more than "
                                "rounding; fuse again")


def _excess(old: Tensor, new: Tensor, pair: list[Tensor], scale: float) -> float:
    """How much ``new`` differs from ``old`` + ``scale`` * B @ A (``pair``; none: from ``old``) beyond rounding; NaN for another type."""
    import torch

    if new.dtype != old.dtype:
        return float("nan")
    update, size = (scale * (pair[0] @ pair[1]), scale * (pair[0].abs() @ pair[1].abs())) if pair else (0, 0)
    room = 4 * torch.finfo(old.dtype).eps * (old.float().abs() + size) if pair else 0
    return float(((new.float() - (old.float() + update)).abs() - room).max())
