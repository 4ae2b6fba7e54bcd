"""Fold a LoRA adapter into its base, and check every weight of the result."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.digest import file_digest
from pipeline.errors import EdgeError
from pipeline.runtime.files import read_object
from pipeline.train import adapter as lora
from pipeline.train.weights import Shape, model_shapes, shapes, weight_files

if TYPE_CHECKING:
    from torch import Tensor

_COPIED = ("*.json", "*.jinja", "merges.txt", "vocab.txt")


def merge_adapter(out: Path, *, base: Path, adapter: Path) -> None:
    """Write base + (alpha/r) * B @ A to ``out`` as a model directory of the base's dtype, with the base's tokenizer.

    PEFT merges, in this process: bit for bit what ``swift export --merge_lora`` writes for a float32 base, while that
    one turns a bfloat16 base into float32.  EdgeError for another base than the adapter was trained on.
    """
    _check_same_base(base, adapter)
    _merge(out, base, adapter)
    for pattern in _COPIED:
        for file in base.glob(pattern):
            if not file.name.endswith(".index.json"):
                shutil.copyfile(file, out / file.name)
    for file in out.iterdir():
        file.chmod(0o644)
    check_merge(out, base=base, adapter=adapter)


def _check_same_base(base: Path, adapter: Path) -> None:
    if not (adapter / "training_args.json").is_file():  # an adapter from elsewhere does not say
        return
    trained_on = read_object(adapter / "training_args.json", "what an adapter was trained on").get("base", {})
    for file in weight_files(base):
        if trained_on.get(file.name) != file_digest(file):
            raise EdgeError(f"expected the base that {adapter} was trained on, found other weights in {file}; "
                            "merge into that base or train again")


def _merge(out: Path, base: Path, adapter: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    lora.scaling(adapter)
    try:
        model = AutoModelForCausalLM.from_pretrained(base, dtype="auto", local_files_only=True, use_safetensors=True)
        model = PeftModel.from_pretrained(model, str(adapter), torch_device="cpu")
    except (OSError, ValueError, RuntimeError) as error:
        raise EdgeError(f"expected {adapter} to fit {base}, found: {error}; name the base it was trained on") from error
    model.merge_and_unload(safe_merge=True).save_pretrained(out, max_shard_size="100GB")


def check_merge(merged: Path, *, base: Path, adapter: Path) -> None:
    """EdgeError unless each target weight is base + (alpha/r) * B @ A and every other tensor the base's, bit for bit.

    A target may be off by the rounding of its dtype: 4 units in the last place of |base| + |update|.  One tensor at a
    time is held in memory.
    """
    from safetensors import safe_open

    before, after, names = weight_files(base), weight_files(merged), model_shapes(base)
    _check_names(names, shapes(after), merged)
    scale, targets = lora.scaling(adapter), set()
    with safe_open(adapter / lora.WEIGHTS, "pt") as factors, ExitStack() as stack:
        modules = {name.rpartition(".lora_")[0] for name in sorted(factors.keys())}
        new = {name: file for path in after for file in [stack.enter_context(safe_open(path, "pt"))]
               for name in sorted(file.keys())}
        for path in before:
            with safe_open(path, "pt") as old:
                for name in sorted(names.keys() & set(old.keys())):
                    module = lora.lora_name(name)
                    pair = [factors.get_tensor(f"{module}.lora_{side}.weight") for side in "BA" if module in modules]
                    targets |= {module} & modules
                    off = _excess(old.get_tensor(name), new[name].get_tensor(name), pair, scale)
                    if not off <= 0:
                        raise EdgeError(f"{merged}: expected {name} to be the base's plus the adapter's update, found "
                                        f"it off by {off:.3g} more than rounding; merge again")
    if targets != modules:
        raise EdgeError(f"{adapter}: expected its modules in {base}, found no {min(modules - targets)}; "
                        "name the base it was trained on")


def _excess(old: Tensor, new: Tensor, pair: list[Tensor], scale: float) -> float:
    """How much ``new`` differs from ``old`` + ``scale`` * B @ A (``pair``; none: from ``old``) beyond rounding."""
    import torch

    if new.dtype != old.dtype:
        return float("nan")
    if not pair:
        return 0.0 if torch.equal(old, new) else float((new.float() - old.float()).abs().max())
    update = scale * (pair[0].float() @ pair[1].float())
    room = 4 * torch.finfo(old.dtype).eps * (old.float().abs() + update.abs())
    return float(((new.float() - (old.float() + update)).abs() - room).max())


def _check_names(before: dict[str, Shape], after: dict[str, Shape], merged: Path) -> None:
    """The same tensors of the same shapes; in particular tied embeddings stay one tensor."""
    wrong = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if wrong:
        raise EdgeError(f"{merged}: expected the base's {len(before)} tensors, found {len(wrong)} missing, added or of "
                        f"another shape, first {wrong[0]}; merge again")
