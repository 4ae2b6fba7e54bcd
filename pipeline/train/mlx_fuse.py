"""Fold a LoRA adapter into its base by mlx-lm, and check every weight of the result."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.mlx_program import run_mlx
from pipeline.train.merge import check_merge
from pipeline.train.mlx_lora import FOLDER
from pipeline.train.weights import weight_files


def fuse_adapter(out: Path, scratch: Path, *, base: Path, adapter: Path) -> None:
    """Write base + (alpha/r) * B @ A to ``out`` as a Hugging Face directory of the base's dtype, with the base's other files.

    ``mlx_lm fuse`` adds, in a process of its own, the adapter in its own form; the weights are then held against PEFT's form of
    it.  EdgeError when they differ by more than rounding, or mlx-lm fails.
    """
    fused = scratch / "fused"
    shutil.rmtree(fused, ignore_errors=True)
    run_mlx(["mlx_lm", "fuse", "--model", str(base.resolve()), "--adapter-path", str((adapter / FOLDER).resolve()),
             "--save-path", str(fused.resolve())], log=scratch / "fuse.log")
    check_merge(fused, base=base, adapter=adapter)
    made, old = weight_files(fused), {file.name for file in weight_files(base)}
    for file in base.iterdir():
        if file.is_file() and file.name not in old and not file.name.endswith(".index.json"):
            shutil.copyfile(file, out / file.name)
    for file in made if len(made) == 1 else [*made, fused / "model.safetensors.index.json"]:
        shutil.move(file, out / file.name)
