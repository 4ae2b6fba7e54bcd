"""The decision's numbers from a trained model: label tokens, temperature, confidence threshold."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.edge.conformal import choose_threshold
from pipeline.edge.router import device_score
from pipeline.errors import EdgeError
from pipeline.runtime import load
from pipeline.runtime.decision import CLOUD, FILE, LabelledIntent, Rule
from pipeline.runtime.files import write_object
from pipeline.runtime.prompt import Prompt, Template, label_ids, read_tokenizer, template

if TYPE_CHECKING:
    from pipeline.data.intents import Intent

TEMPERATURES = (0.1, 10.0)


def make_decision(out: Path, *, merged: Path, intents: Sequence[Intent], validation: Sequence[tuple[str, str]],
                  config: Mapping[str, Any]) -> None:
    """Write decision.json, tokenizer.json and calibration.json for a merged Hugging Face directory.

    intents: what the model tells apart; validation: (query, name of its intent).  config: prompt {system, max_length in tokens} and
    decision {alpha, least_confidence, confidence_threshold}.  Temperature and threshold are chosen on the torch model's logits of the
    validation queries.  EdgeError when a label is not one token, the prompt is not the one of the model's chat template, or the
    queries cannot be used or are too few.

    The checkpoint was picked and the temperature fitted on the same records, so they are not quite exchangeable with later
    queries.  The temperature, one number, leaves every intent alone and hardly moves the order of the scores; but the checkpoint
    was picked for being right on these records, so it errs less on them, and other grammars are harder.  The promise of alpha
    is therefore optimistic: the claim routing.cloud_kept holds it against the challenge set, which no choice has seen.
    """
    sides, longest = template(config["prompt"]["system"]), config["prompt"]["max_length"]
    ids = label_ids(read_tokenizer(merged), [intent.label for intent in intents], sides.suffix)
    _check_chat_template(merged, config["prompt"]["system"], sides)
    logits = _logits(merged, Prompt(merged, *sides, longest), ids, [query for query, _ in validation])
    place = {intent.name: index for index, intent in enumerate(intents)}
    truth = np.array([place[name] for _, name in validation])
    temperature = fit_temperature(logits, truth)

    labelled = tuple(LabelledIntent(i.name, i.label, label, i.route) for i, label in zip(intents, ids, strict=True))
    undecided = Rule(*sides, longest, labelled, temperature, 0)
    named = {intent.name: intent for intent in intents}
    scores = [device_score(undecided.decide(query, row), named.__getitem__)
              for (query, name), row in zip(validation, logits, strict=True) if named[name].route == CLOUD]
    chosen = choose_threshold(scores, **config["decision"])
    write_object(out / FILE, replace(undecided, confidence_threshold=chosen.confidence_threshold).to_json())
    quality = _quality(logits, truth, temperature)
    write_object(out / "calibration.json", {"temperature": temperature, **quality, "threshold": asdict(chosen)})
    shutil.copyfile(merged / "tokenizer.json", out / "tokenizer.json")


def _quality(logits: np.ndarray, truth: np.ndarray, temperature: float) -> dict[str, float]:
    target = _one_hot(truth, logits.shape[1])
    return {"n": len(truth), "accuracy": float((logits.argmax(1) == truth).mean()), "nll_before": _loss(logits, target),
            "nll_after": _loss(logits / temperature, target)}


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The temperature in TEMPERATURES that minimises the NLL of logits [n, labels] given true labels [n] (Guo 2017).

    The targets are smoothed by 1 / (n + 2) as Platt (1999) does, without which a model that is right on every record
    would be called certain of everything.
    """
    from scipy.optimize import minimize_scalar

    if not len(truth) or not np.isfinite(logits).all():
        raise EdgeError(f"calibration: expected finite logits of at least one record, found {len(truth)} records; "
                        "check the validation data and the trained model")
    count, labels = logits.shape
    share = 1 / (count + 2)
    target = _one_hot(truth, labels) * (1 - share) + (1 - _one_hot(truth, labels)) * share / (labels - 1)
    bounds = np.log(TEMPERATURES)
    found = minimize_scalar(lambda log: _loss(logits / np.exp(log), target), bounds=bounds, method="bounded")
    return float(np.exp(found.x)) if found.fun <= _loss(logits, target) else 1.0


def _loss(logits: np.ndarray, target: np.ndarray) -> float:
    """Mean cross-entropy in nats."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return float(-(target * (shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))).sum(axis=1).mean())


def _one_hot(truth: np.ndarray, labels: int) -> np.ndarray:
    return np.eye(labels)[truth]


def _logits(merged: Path, prompt: Prompt, ids: Sequence[int], queries: Sequence[str]) -> np.ndarray:
    threads = max(1, (os.cpu_count() or 2) // 2)  # one a core would spin against whatever else runs here
    runtime = load(merged, ids, threads)
    return np.stack([runtime.logits(prompt.encode(query).ids) for query in queries])


def _check_chat_template(merged: Path, system: str, sides: Template) -> None:
    """The prompt must be what the model was trained on; a base without a chat template cannot be asked."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(merged, local_files_only=True, trust_remote_code=False)
    if not tokenizer.chat_template:
        return
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "?"}]
    found = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, enable_thinking=False)
    expected = f"{sides.prefix}?{sides.suffix}"
    if found != expected:
        raise EdgeError(f"{merged}: expected the chat template to give {expected!r}, found {found!r}; "
                        "use a Qwen3 base, or change the template in pipeline/runtime/prompt.py with it")
