"""What ms-swift logged while it trained: the curves, and whether they can be believed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from pipeline.errors import EdgeError

Curves = dict[str, list[dict[str, Any]]]
_TRAIN = {"step": "step", "loss": "loss", "token_accuracy": "token_acc", "grad_norm": "grad_norm",
          "learning_rate": "learning_rate"}
_EVAL = {"step": "step", "epoch": "epoch", "loss": "eval_loss", "token_accuracy": "eval_token_acc"}


def read_summary(log: Path) -> dict[str, Any]:
    """The summary that ms-swift writes as the last line of logging.jsonl when it ends."""
    try:
        summary = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
    except (OSError, IndexError, ValueError):
        summary = {}
    if not isinstance(summary.get("log_history"), list):
        raise EdgeError(f"expected the training's summary as the last line of {log}, found none; train again")
    return summary


def curves(summary: Mapping[str, Any]) -> Curves:
    """Train and eval points, one a step: the final evaluation is logged twice.

    Only the answer is trained: where it is a label, ``token_accuracy`` is the label accuracy over the whole vocabulary.
    """
    history = summary["log_history"]
    return {"train": _points(history, "loss", _TRAIN), "eval": _points(history, "eval_loss", _EVAL)}


def _points(history: list[dict[str, Any]], key: str, names: Mapping[str, str]) -> list[dict[str, Any]]:
    by_step = {entry["step"]: {ours: entry.get(theirs) for ours, theirs in names.items()}
               for entry in history if key in entry}
    return [by_step[step] for step in sorted(by_step)]


def best_step(points: Curves, rows: int) -> int:
    """The last evaluated step that is not worse than the most accurate one by more than a standard error of the difference.

    rows: number of validation rows.  Where only a label is trained, token accuracy is intent accuracy.  On a hundred rows the
    peak of the curve is mostly luck, and what comes after it has seen more at a lower learning rate; only a step from which
    training has got worse is passed over.  (Breiman et al. 1984, the one-standard-error rule; loss would not do: it
    counts growing certainty as an error, which the decision's temperature takes out later.)
    """
    top = max(point["token_accuracy"] for point in points["eval"])
    share = (top * rows + 1) / (rows + 2)  # Laplace: all of few rows right is no certainty
    error = math.sqrt(2 * share * (1 - share) / rows)
    return max(point["step"] for point in points["eval"] if point["token_accuracy"] >= top - error)


def check_rows(summary: Mapping[str, Any], rows: Mapping[str, int], max_length: int) -> None:
    """EdgeError if ms-swift dropped a row: a bad or over-long one is filtered, or replaced by another, silently."""
    for split, key in (("train", "train_dataset"), ("validation", "val_dataset")):
        said = str(summary.get(key))
        size, longest = (re.search(pattern, said) for pattern in (r"size=(\d+)", r"max=([\d.]+)"))
        found = int(size[1]) if size else 0
        if found != rows[split]:
            raise EdgeError(f"{split} data: expected all {rows[split]} rows to be kept, found {found} in training; "
                            "ms-swift dropped rows, see its log for 'Dataset filtered'")
        if not longest or float(longest[1]) > max_length:
            raise EdgeError(f"{split} data: expected rows of at most {max_length} tokens, found {said}; "
                            "raise max_length")


def check_first_row(log: Path, rows: Mapping[tuple[int, ...], int]) -> None:
    """EdgeError unless the row that ms-swift prints before it starts is one of ours, token by token, and nothing but
    its answer is trained: another template would teach another prompt than the runtime asks.

    rows: token ids -> how many of them, the last ones, are the answer.
    """
    text = log.read_text(encoding="utf-8")
    ids, trained = (re.search(rf"\[{name}\] \[([-\d, ]+)\]", text) for name in ("INPUT_IDS", "LABELS_IDS"))
    if not ids or not trained:
        raise EdgeError(f"expected the ids of a training row in {log}, found none; use the ms-swift of the constraints")
    row, targets = (tuple(map(int, found[1].split(","))) for found in (ids, trained))
    if row not in rows or targets != (-100,) * (len(row) - rows[row]) + row[-rows[row]:]:
        raise EdgeError(f"expected ms-swift to train the answer after the runtime's prompt, found another row in {log}; "
                        "use the ms-swift of the constraints")


def check_curves(points: Curves, *, steps: int, steps_per_epoch: int) -> None:
    """EdgeError unless every step was logged with finite numbers and the loss fell."""
    train, evaluated = points["train"], points["eval"]
    if [point["step"] for point in train] != list(range(1, steps + 1)):
        raise EdgeError(f"expected a logged loss for each of {steps} steps, found {len(train)}; train again from an "
                        "empty scratch folder")
    if not evaluated or evaluated[-1]["step"] != steps:
        raise EdgeError(f"expected an evaluation after step {steps}, found none; train again")
    for point in train + evaluated:
        _check_finite(point)
    losses = [point["loss"] for point in train]
    first = fmean(losses[: max(1, min(10, steps // 4))])
    last = fmean(losses[max(steps // 2, steps - steps_per_epoch):])
    if not last < first:
        raise EdgeError(f"expected the loss to fall, found a mean of {first:.3g} over the first steps and {last:.3g} "
                        "over the last epoch; change learning_rate or epochs")


def _check_finite(point: Mapping[str, Any]) -> None:
    """A NaN loss may be logged as exactly 0.0; its gradient norm is NaN all the same."""
    for name, value in point.items():
        if value is None or not math.isfinite(value):
            raise EdgeError(f"expected finite numbers at every step, found {name} {value} at step {point['step']}; "
                            "lower learning_rate")
