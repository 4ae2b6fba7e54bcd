"""Training of an embedding: every weight of a small base, by InfoNCE with the other documents of the batch as wrong answers.

(van den Oord et al. 2018, arXiv:1807.03748; in batches as Karpukhin et al. 2020, arXiv:2004.04906.)  A base as large as Qwen3-0.6B is
not trained here: Qwen3-Embedding is.
"""

from __future__ import annotations

import math
import random
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.base.autocast import autocast
from pipeline.base.reference import ATTENTION, save_model
from pipeline.compress.checkpoint import Checkpoint
from pipeline.compress.schedule import schedule
from pipeline.data.retrieval.dataset import Question, read_documents, read_questions
from pipeline.errors import EdgeError
from pipeline.progress import track
from pipeline.runtime.embedding import text_prompt
from pipeline.runtime.files import write_object
from pipeline.runtime.torch_runtime import load_model
from pipeline.train.inputs import check_base
from pipeline.train.sft import LARGE
from pipeline.train.weights import count

CLIP, WARMUP = 1.0, 0.1


def train_embedding(out: Path, scratch: Path, *, base: Path, data: Path, config: Mapping[str, Any]) -> None:
    """Train ``base`` on the questions and documents of ``data`` and write a Hugging Face directory with curves.json into ``out``.

    config: seed, query_prefix, max_length, epochs, batch_size, learning_rate, temperature.  A killed run goes on from its
    checkpoint in ``scratch``.  EdgeError for a base beyond LARGE, and for a loss that is not finite.
    """
    started, shapes = time.monotonic(), check_base(base).shapes
    if count(shapes) > LARGE:
        raise EdgeError(f"{base}: expected a base of at most {LARGE:,} weights to train an embedding of, found {count(shapes):,}; "
                        "give a model that is one already, such as Qwen3-Embedding-0.6B")
    questions, documents = read_questions(data / "train.jsonl"), read_documents(data)
    prompt = text_prompt(base, config["max_length"])
    asked = [prompt.encode(config["query_prefix"] + one.text).ids for one in questions]
    told = {one.id: prompt.encode(one.text).ids for one in documents}
    model = load_model(base)
    model.set_attn_implementation(ATTENTION)
    losses = _train(model, questions, asked, told, config, scratch)
    save_model(model.eval(), out)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(base / name, out / name)
    write_object(out / "curves.json", {
        "train": [{"step": step, "loss": loss} for step, loss in enumerate(losses, start=1)], "best_step": len(losses),
        "best_checkpoint": "the last", "rows": {"train": len(questions), "documents": len(documents)},
        "seconds": round(time.monotonic() - started, 1)})


def embed(model: Any, ids: Sequence[Sequence[int]]) -> Tensor:
    """The states at the last tokens, of length 1: [texts, hidden].  Padded on the right, which a causal model does not see."""
    last = torch.tensor([len(one) - 1 for one in ids])
    padded = torch.nn.utils.rnn.pad_sequence([torch.tensor(list(one)) for one in ids], batch_first=True)
    states = model.model(input_ids=padded, use_cache=False).last_hidden_state
    return functional.normalize(states[torch.arange(len(ids)), last], dim=-1)


def info_nce(questions: Tensor, documents: Tensor, right: Tensor, temperature: float) -> Tensor:
    """Mean nats of [Q, d] questions finding their own among [Q, d] documents, document i being question i's.

    right [Q, Q]: whether a document answers a question; other right answers than its own are no wrong ones, and left out.
    """
    own = torch.eye(len(questions), dtype=torch.bool)
    likeness = (questions @ documents.T / temperature).masked_fill(right & ~own, -math.inf)
    return functional.cross_entropy(likeness, torch.arange(len(questions)))


def _train(model: Any, questions: Sequence[Question], asked: Sequence[list[int]], told: Mapping[str, list[int]],
           config: Mapping[str, Any], scratch: Path) -> list[float]:
    plan = _steps(questions, config)
    weights = dict(model.named_parameters())
    optimizer = torch.optim.AdamW(weights.values(), betas=(0.9, 0.98), weight_decay=0.01)
    checkpoint = Checkpoint(scratch, f"{dict(config)} {len(questions)} {len(told)}", weights, optimizer)
    losses = checkpoint.resume()
    model.train()
    with track("training", len(plan)) as bar:
        bar.advance(len(losses))
        for step in range(len(losses), len(plan)):
            at, ids = zip(*plan[step], strict=True)
            with autocast():
                sides = [embed(model, texts).float() for texts in ([asked[one] for one in at], [told[one] for one in ids])]
            right = torch.tensor([[one in questions[q].relevant for one in ids] for q in at])
            loss = info_nce(*sides, right, config["temperature"])
            if not math.isfinite(loss.item()):
                raise EdgeError(f"expected a finite loss, found {loss.item()} at step {step + 1}; lower learning_rate")
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights.values(), CLIP)
            for group in optimizer.param_groups:
                group["lr"] = config["learning_rate"] * schedule(step, len(plan), WARMUP)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            losses.append(loss.item())
            checkpoint.save_sometimes(losses)
            bar.advance(note=f"loss {losses[-1]:.3f}")
    return losses


def _steps(questions: Sequence[Question], config: Mapping[str, Any]) -> list[list[tuple[int, str]]]:
    """Of each step: questions by number, with a right document each; every epoch in another order."""
    plan = []
    for epoch in range(config["epochs"]):
        rng = random.Random(f"{config['seed']}/{epoch}")
        order = rng.sample(range(len(questions)), len(questions))
        size = config["batch_size"]
        plan += [[(at, rng.choice(questions[at].relevant)) for at in order[start:start + size]]
                 for start in range(0, len(order) - size + 1, size)]
    return plan


