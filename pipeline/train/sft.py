"""LoRA fine-tuning by ms-swift, in a process of its own: inputs checked before, results after, resumable between."""

from __future__ import annotations

import math
import platform
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.digest import file_digest
from pipeline.errors import EdgeError
from pipeline.process import run
from pipeline.progress import Tracker, track
from pipeline.runtime.files import read_object, write_object
from pipeline.train import adapter as lora
from pipeline.train import results
from pipeline.train.checkpoints import newest_whole
from pipeline.train.inputs import BaseModel, Row, check_base, check_space, read_rows, write_rows
from pipeline.train.launch import Launch
from pipeline.train.plugin import label_template
from pipeline.train.weights import count, weight_files

LARGE = 200_000_000  # weights; above it the base's own dtype is kept on a CPU and activations are recomputed
STEPS_BETWEEN_SAVES = 100


@dataclass(frozen=True)
class Schedule:
    """Optimizer steps: in all, in an epoch, and between two saved and evaluated checkpoints."""

    total: int
    epoch: int
    save: int


ReadRows = Callable[[Path, Path, Mapping[str, Any]], list[Row]]


def train_adapter(
    out: Path, scratch: Path, *, base: Path, train: Path, validation: Path, config: Mapping[str, Any], read: ReadRows = read_rows
) -> None:
    """Train a LoRA adapter on ``base`` by the ``prompt`` and ``train`` sections of ``config``; the best goes to ``out``.

    train, validation: .jsonl files that ``read`` (file, base, prompt) turns into rows.  ``scratch`` keeps checkpoints and the
    log: a run that was killed goes on from its newest whole checkpoint there.  Writes adapter_model.safetensors and
    adapter_config.json (PEFT's), curves.json and training_args.json.  EdgeError for inputs that cannot work and for a training
    that went wrong unsaid.
    """
    started, recipe, prompt, model = time.monotonic(), config["train"], config["prompt"], check_base(base)
    modules = lora.linear_modules(model.shapes, recipe["target_modules"], recipe["layers"])
    expected = lora.expected_shapes(model.shapes, modules, recipe["rank"])
    splits = {name: read(file, base, prompt) for name, file in (("train", train), ("validation", validation))}
    rows = {name: len(split) for name, split in splits.items()}
    schedule, launch = _schedule(rows["train"], recipe), Launch.of(recipe, _device(), rows)
    scratch.mkdir(parents=True, exist_ok=True)
    check_space(scratch, 200_000_000 + 14 * count(expected) * (schedule.total // schedule.save + 2))
    files = [write_rows(scratch / f"{name}.messages.jsonl", split) for name, split in splits.items()]
    targets = recipe["target_modules"] if recipe["layers"] is None else modules
    argv = _arguments(model, targets, files, scratch / "run", config, schedule, launch)

    identity = _identity(model, files, _without_paths(argv, base, scratch)) | launch.identity
    _run_swift(argv, scratch, schedule, identity, launch)
    launch.end_of_helper()
    summary = results.read_summary(scratch / "run" / "logging.jsonl")
    points = results.curves(summary)
    results.check_first_row(scratch / "sft.log", {row.ids: row.answered for row in splits["train"]})
    results.check_rows(summary, rows, prompt["max_length"])
    results.check_curves(points, steps=schedule.total, steps_per_epoch=schedule.epoch)
    best = results.best_step(points, rows["validation"])
    checkpoint = scratch / "run" / f"checkpoint-{best}"
    lora.check_adapter(checkpoint, expected, rank=recipe["rank"], alpha=recipe["alpha"])

    _export_adapter(checkpoint, out, base)
    write_object(out / "curves.json", points | {
        "best_step": best,
        "best_checkpoint": checkpoint.name,
        "lora_parameters": lora.lora_parameters(out),
        "base_parameters": count(model.shapes),
        "rows": rows,
        "seconds": round(time.monotonic() - started, 1),
    })
    write_object(out / "training_args.json", identity)


def _schedule(rows: int, recipe: Mapping[str, Any]) -> Schedule:
    epoch = math.ceil(rows / recipe["batch_size"])
    return Schedule(epoch * recipe["epochs"], epoch, math.ceil(epoch / math.ceil(epoch / STEPS_BETWEEN_SAVES)))


def _arguments(
    model: BaseModel, targets: list[str], files: list[Path], output: Path, config: Mapping[str, Any], schedule: Schedule, launch: Launch
) -> list[str]:
    """ms-swift's arguments; its defaults are repeated where a later version could change the result."""
    recipe, device, large = config["train"], _device(), count(model.shapes) > LARGE
    options: dict[str, Any] = {
        "model": model.directory.resolve(),
        "model_type": "qwen3",
        "template": label_template.NAME,
        "check_model": False,
        "torch_dtype": model.dtype if large or device == "cuda" else "float32",
        "dataset": files[0].resolve(),
        "val_dataset": files[1].resolve(),
        "max_length": config["prompt"]["max_length"],
        "truncation_strategy": "delete",
        "strict": True,
        "add_non_thinking_prefix": True,
        "external_plugins": Path(label_template.__file__).resolve(),
        "loss_scale": "default+ignore_empty_think",
        "tuner_type": "lora",
        "target_modules": targets,
        "lora_rank": recipe["rank"],
        "lora_alpha": recipe["alpha"],
        "lora_dropout": recipe["dropout"],
        "learning_rate": recipe["learning_rate"],
        "lr_scheduler_type": "cosine",
        "warmup_ratio": recipe["warmup"],
        "weight_decay": recipe["weight_decay"],
        "num_train_epochs": recipe["epochs"],
        "per_device_train_batch_size": launch.share(recipe["batch_size"]),
        "per_device_eval_batch_size": launch.share(recipe["batch_size"]),
        "gradient_accumulation_steps": 1,
        "gradient_checkpointing": large,
        "seed": recipe["seed"],
        "data_seed": recipe["seed"],
        "eval_strategy": "steps",
        "eval_steps": schedule.save,
        "save_strategy": "steps",
        "save_steps": schedule.save,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "report_to": "none",
        "dataloader_num_workers": 0,
        "add_version": False,
        "output_dir": output.resolve(),
        **launch.options,
    }
    if device == "cpu":
        # On short rows the backward pass of the default attention takes several times as long there.
        options |= {"use_cpu": True, "attn_impl": "eager"}
    argv: list[str] = []
    for name, value in options.items():
        values = value if isinstance(value, list) else [value]
        argv += [f"--{name}", *(str(item).lower() if isinstance(item, bool) else str(item) for item in values)]
    return argv


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if platform.system() == "Darwin" and torch.backends.mps.is_available() else "cpu"


def _environment(scratch: Path, launch: Launch) -> dict[str, str]:
    """Nothing is fetched from a hub, caches stay in ``scratch``, and one device is used, or those of ``launch``."""
    offline = {name: "1" for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")}
    caches = {name: str((scratch / "cache").resolve()) for name in ("MODELSCOPE_CACHE", "HF_HOME")}
    device = {"cuda": {"CUDA_VISIBLE_DEVICES": launch.devices}, "cpu": {"CUDA_VISIBLE_DEVICES": ""}}.get(_device(), {})
    return offline | caches | device | {"TOKENIZERS_PARALLELISM": "false"}


def _run_swift(argv: list[str], scratch: Path, schedule: Schedule, identity: Mapping[str, Any], launch: Launch) -> None:
    """Run ms-swift, from the newest whole checkpoint if ``scratch`` holds one of this very training."""
    output, mark = scratch / "run", scratch / "identity.json"
    if _training_of(mark) != identity or not launch.resumable:  # ms-swift would go on with another rank or other data
        shutil.rmtree(output, ignore_errors=True)
        write_object(mark, identity)
    checkpoint = newest_whole(output)
    resume = [] if checkpoint is None else ["--resume_from_checkpoint", str(checkpoint.resolve())]
    with track("LoRA", schedule.total) as bar:
        run([*launch.program, *argv, *resume], env=_environment(scratch, launch),
            log=scratch / "sft.log", on_line=_follow(output / "logging.jsonl", bar))


def _training_of(mark: Path) -> dict[str, Any] | None:
    """The identity of the training that the checkpoints are of; None when the mark is missing or cannot be read."""
    try:
        return read_object(mark, "the identity of a training")
    except EdgeError:
        return None


def _follow(log: Path, bar: Tracker) -> Callable[[str], None]:
    """A callback that moves the bar by what was added to ms-swift's logging.jsonl since the last call."""
    position = log.stat().st_size if log.is_file() else 0

    def tick(_line: str) -> None:
        nonlocal position
        if not log.is_file() or log.stat().st_size <= position:
            return
        with log.open("rb") as file:
            file.seek(position)
            added = file.read()
        position += added.rfind(b"\n") + 1
        found = re.findall(rb'\{"loss": ([^,]+),.*"global_step/max_steps": "(\d+)/', added[: added.rfind(b"\n") + 1])
        if found:
            bar.update(int(found[-1][1]), note=f"loss {float(found[-1][0]):.3f}")

    return tick


def _identity(model: BaseModel, files: list[Path], argv: list[str]) -> dict[str, Any]:
    """What the training depends on: arguments, and the sha256 of the base's weights and tokenizer and of the data."""
    inputs = [*weight_files(model.directory), model.directory / "tokenizer.json"]
    return {
        "program": "python -m swift.cli.sft",
        "argv": argv,
        "base": {file.name: file_digest(file) for file in inputs},
        "data": {file.name: file_digest(file) for file in files},
    }


def _without_paths(argv: list[str], base: Path, scratch: Path) -> list[str]:
    known = {str(base.resolve()): base.name, str(Path(label_template.__file__).resolve()): label_template.__name__}
    return [known.get(item, item.removeprefix(f"{scratch.resolve()}/")) for item in argv]


def _export_adapter(checkpoint: Path, out: Path, base: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(checkpoint / lora.WEIGHTS, out / lora.WEIGHTS)
    config = read_object(checkpoint / lora.CONFIG, "a LoRA adapter's configuration") | {"base_model_name_or_path": base.name}
    config["target_modules"] = sorted(config["target_modules"])  # a set in PEFT: its order changes from run to run
    write_object(out / lora.CONFIG, config)
