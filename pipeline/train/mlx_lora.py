"""LoRA fine-tuning by mlx-lm, in the place of ms-swift: the same inputs and settings, the same results."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any

from pipeline.atomic import write_atomically
from pipeline.digest import file_digest
from pipeline.errors import EdgeError
from pipeline.mlx_program import run_mlx
from pipeline.progress import track
from pipeline.runtime.files import read_object, write_object
from pipeline.train import adapter as lora
from pipeline.train import results
from pipeline.train.inputs import check_base, read_rows
from pipeline.train.sft import LARGE, ReadRows
from pipeline.train.weights import count, weight_files

PROGRAM = "pipeline.train.mlx_trainer"
FOLDER = "mlx"
"""Where in the adapter's directory mlx-lm's own form of it lies, for its programs: adapters.safetensors, adapter_config.json."""
WEIGHTS = "adapters.safetensors"


def train_adapter(
    out: Path, scratch: Path, *, base: Path, train: Path, validation: Path, config: Mapping[str, Any], read: ReadRows = read_rows
) -> None:
    """Train a LoRA adapter on ``base`` by the ``prompt`` and ``train`` sections of ``config``; the best goes to ``out``.

    As `pipeline.train.sft.train_adapter`, by mlx-lm; evaluated once an epoch.  A run that was killed goes on from its newest
    checkpoint in ``scratch``.  Writes the adapter in PEFT's form and, in the folder mlx, in mlx-lm's; curves.json, without the
    training's own token accuracy, and training_args.json.  EdgeError for inputs that cannot work and for a training that failed.
    """
    started, recipe, model = time.monotonic(), config["train"], check_base(base)
    _check_not_quantised(base)
    modules = lora.linear_modules(model.shapes, recipe["target_modules"], recipe["layers"])
    expected = lora.expected_shapes(model.shapes, modules, recipe["rank"])
    splits = {name: read(file, base, config["prompt"]) for name, file in (("train", train), ("validation", validation))}
    epoch = ceil(len(splits["train"]) / recipe["batch_size"])
    low_rank = {"rank": recipe["rank"], "scale": recipe["alpha"] / recipe["rank"], "dropout": recipe["dropout"], "keys": modules}
    settings = {
        "lora_parameters": low_rank,
        "learning_rate": recipe["learning_rate"], "weight_decay": recipe["weight_decay"],
        "warmup_steps": ceil(recipe["warmup"] * epoch * recipe["epochs"]), "batch_size": recipe["batch_size"], "seed": recipe["seed"],
        "steps": epoch * recipe["epochs"], "epoch_steps": epoch, "save_steps": epoch, "grad_checkpoint": count(model.shapes) > LARGE,
        **{name: [(list(row.ids), row.answered) for row in split] for name, split in splits.items()},
    }
    identity = _identity(base, train, validation, settings)
    _run_trainer(scratch, base, settings, identity)
    points = _points(scratch / "run", settings["steps"])
    results.check_curves(points, steps=settings["steps"], steps_per_epoch=epoch)
    best = results.best_step(points, len(splits["validation"]))
    made = _in_both_forms(scratch / "adapter", scratch / "run" / f"checkpoint-{best}" / WEIGHTS, base, recipe, low_rank)
    lora.check_adapter(made, expected, rank=recipe["rank"], alpha=recipe["alpha"])
    shutil.copytree(made, out, dirs_exist_ok=True)
    write_object(out / "curves.json", points | {
        "best_step": best,
        "best_checkpoint": f"checkpoint-{best}",
        "lora_parameters": lora.lora_parameters(out),
        "base_parameters": count(model.shapes),
        "rows": {name: len(split) for name, split in splits.items()},
        "seconds": round(time.monotonic() - started, 1),
    })
    write_object(out / "training_args.json", identity)


def _check_not_quantised(base: Path) -> None:
    """mlx-lm would train on packed weights too, but no other room of the house could read what is fused with them."""
    if "quantization" in read_object(base / "config.json", "a model's configuration"):
        raise EdgeError(f"{base}: expected the weights as they were published, found them quantised by MLX; give the model that was "
                        "converted, such as Qwen/Qwen3-0.6B: what ships is quantised after training")


def _identity(base: Path, train: Path, validation: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the training depends on: settings, and the sha256 of the base's weights and tokenizer and of the data."""
    inputs = [*weight_files(base), base / "tokenizer.json"]
    return {
        "program": f"python -m {PROGRAM}",
        "settings": {name: value for name, value in settings.items() if name not in ("train", "validation")},
        "base": {file.name: file_digest(file) for file in inputs},
        "data": {file.name: file_digest(file) for file in (train, validation)},
    }


def _run_trainer(scratch: Path, base: Path, settings: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    """Run the trainer, from the newest checkpoint if ``scratch`` holds one of this very training."""
    output, mark = scratch / "run", scratch / "identity.json"
    if not _is(mark, identity):
        shutil.rmtree(output, ignore_errors=True)
        write_object(mark, dict(identity))
    output.mkdir(parents=True, exist_ok=True)
    steps = [int(found[1]) for folder in output.iterdir() if (found := re.fullmatch(r"checkpoint-(\d+)", folder.name))]
    newest = max(steps, default=0)
    if newest == settings["steps"]:
        return
    checkpoint = str((output / f"checkpoint-{newest}").resolve()) if newest else ""
    job = {**settings, "base": str(base.resolve()), "output": str(output.resolve()), "checkpoint": checkpoint}
    write_atomically(scratch / "job.json", json.dumps(job))
    with track("LoRA (MLX)", settings["steps"]) as bar:
        def tick(line: str) -> None:
            if found := re.fullmatch(r"step (\d+) loss (\S+)", line.strip()):
                bar.update(int(found[1]), note=f"loss {float(found[2]):.3f}")

        run_mlx([PROGRAM, str((scratch / "job.json").resolve())], log=scratch / "mlx.log", on_line=tick)


def _is(mark: Path, identity: Mapping[str, Any]) -> bool:
    try:
        return read_object(mark, "the identity of a training") == identity
    except EdgeError:
        return False


def _points(output: Path, steps: int) -> results.Curves:
    points: results.Curves = read_object(output / f"checkpoint-{steps}" / "points.json", "a training's curves")
    return points


def _in_both_forms(out: Path, weights: Path, base: Path, recipe: Mapping[str, Any], parameters: Mapping[str, Any]) -> Path:
    """The adapter in PEFT's form in ``out``, and in mlx-lm's in its folder mlx: there the factors are transposed and named otherwise."""
    from safetensors.numpy import load_file, save_file

    shutil.rmtree(out, ignore_errors=True)
    (out / FOLDER).mkdir(parents=True)
    shutil.copyfile(weights, out / FOLDER / WEIGHTS)
    write_object(out / FOLDER / "adapter_config.json", {"fine_tune_type": "lora", "num_layers": -1, "lora_parameters": dict(parameters)})
    factors = {}
    for name, value in load_file(weights).items():
        module, _, side = name.rpartition(".lora_")
        factors[f"{lora.lora_name(module)}.lora_{side.upper()}.weight"] = value.T.copy()
    save_file(factors, out / lora.WEIGHTS, metadata={"format": "pt"})
    write_object(out / lora.CONFIG, {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": base.name, "r": recipe["rank"],
        "lora_alpha": recipe["alpha"], "lora_dropout": recipe["dropout"], "bias": "none", "inference_mode": True,
        "target_modules": sorted(parameters["keys"]),
    })
    return out
