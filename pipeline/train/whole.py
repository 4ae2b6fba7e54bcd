"""Training every weight of a small base further, by the loop that pre-trained it, if need be with two layers in front that copy.

For a base of a few million weights, whose layers are too narrow for an adapter to teach it to point at a part of a question, or
what it has never read of; a large one is trained by LoRA (`pipeline.train.sft`).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from pipeline.base.pretrain import Encoded, Recipe, loss_of, pretrain
from pipeline.base.reference import ATTENTION, save_model
from pipeline.errors import EdgeError
from pipeline.runtime.files import write_object
from pipeline.runtime.prompt import read_tokenizer
from pipeline.runtime.torch_runtime import load_model
from pipeline.train.copying import with_copying_layers
from pipeline.train.function_rows import read_rows
from pipeline.train.inputs import Row, check_base
from pipeline.train.sft import LARGE, ReadRows
from pipeline.train.weights import count

PAD = "<|endoftext|>"
TOGETHER = 50  # validation rows at once


def train_whole(out: Path, scratch: Path, *, base: Path, train: Path, validation: Path, config: Mapping[str, Any],
                read: ReadRows = read_rows, copying: bool = True) -> None:
    """Train ``base`` once through ``train`` and write a Hugging Face directory with curves.json into ``out``.

    config: what ``read`` (file, base, config) reads the rows by; seed, matrix_lr, other_lr, and tokens a batch
    (`pipeline.base.pretrain.Recipe`).  copying: with two layers in front that copy, where parts of the question are to be said.
    A run that was killed goes on from its checkpoint in ``scratch``.  EdgeError for rows that do not fit, and for a base beyond LARGE.
    """
    started, shapes = time.monotonic(), check_base(base).shapes
    if count(shapes) > LARGE:
        raise EdgeError(f"{base}: expected a base of at most {LARGE:,} weights to train whole, found {count(shapes):,}; "
                        "train it by LoRA: take `whole` out of the profile")
    rows = {name: read(file, base, config) for name, file in (("train", train), ("validation", validation))}
    model = load_model(base)
    model.set_attn_implementation(ATTENTION)
    if copying:
        model = with_copying_layers(model, config["seed"])
    pad = read_tokenizer(base).token_to_id(PAD)
    recipe = Recipe(config["seed"], matrix_lr=config["matrix_lr"], other_lr=config["other_lr"], tokens=config["tokens"])
    torch.manual_seed(recipe.seed)
    scratch.mkdir(parents=True, exist_ok=True)
    losses = list(pretrain(model, [_encoded(row) for row in rows["train"]], pad, recipe, scratch))
    save_model(model.eval(), out)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(base / name, out / name)
    write_object(out / "curves.json", {
        "train": [{"step": step, "loss": loss} for step, loss in enumerate(losses, start=1)],
        "eval": [{"step": len(losses), "epoch": 1.0, **_judged(model, rows["validation"], pad)}],
        "best_step": len(losses), "best_checkpoint": "the last", "lora_parameters": None, "base_parameters": count(shapes),
        "rows": {name: len(split) for name, split in rows.items()}, "seconds": round(time.monotonic() - started, 1)})


def _encoded(row: Row) -> Encoded:
    return Encoded(list(row.ids), [0.0] * (len(row.ids) - row.answered) + [1.0] * row.answered)


@torch.inference_mode()
def _judged(model: PreTrainedModel, rows: Sequence[Row], pad: int) -> dict[str, float]:
    """Loss (nats a token) and token accuracy of the answers."""
    loss, right, asked = 0.0, 0, 0
    for start in range(0, len(rows), TOGETHER):
        some = rows[start:start + TOGETHER]
        width = max(len(row.ids) for row in some)
        ids = torch.tensor([[*row.ids, *[pad] * (width - len(row.ids))] for row in some])
        weights = torch.tensor([[*_encoded(row).weights, *[0.0] * (width - len(row.ids))] for row in some])
        answers = int(weights.sum())
        found = model(input_ids=ids[:, :-1], use_cache=False).logits.argmax(-1)
        right += int(((found == ids[:, 1:]) & (weights[:, 1:] > 0)).sum())
        loss, asked = loss + float(loss_of(model, ids, weights)) * answers, asked + answers
    return {"loss": loss / asked, "token_accuracy": right / asked}
