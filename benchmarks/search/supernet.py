"""Whether a supernet knows which layers to keep: its loss of a choice of layers beside that of the same choice healed alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from math import comb
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from scipy.stats import kendalltau

from pipeline.compress import Source, technique
from pipeline.compress.calibration import answers, asked
from pipeline.compress.chain import compress
from pipeline.compress.importance import batches
from pipeline.compress.lessons import read_queries, teach, training_queries
from pipeline.compress.model import decoder_layers, open_model
from pipeline.compress.recipe import ORIGINAL, Step
from pipeline.compress.techniques.depth import Settings, block_influence, choose_layers, keep, kept_loss
from pipeline.compress.training import Training, judge, train
from pipeline.data.generate import generate
from pipeline.errors import EdgeError
from pipeline.profile import Profile
from pipeline.report.markdown.text import table as markdown
from pipeline.store import Artifact, Spec

QUERIES, SEED = 600, 20261130  # of validation grammars, drawn anew; no data set holds them
RESAMPLES, CONFIDENCE = 2000, 0.95
SAMPLES = 64  # training queries that a predictor looks at
Build = Callable[[Spec], Artifact]


@dataclass(frozen=True)
class Rank:
    """Kendall's tau of a predictor with the loss after healing, of ``choices`` choices of ``layers`` layers; bounds two-sided at 95 %."""

    layers: int
    predictor: str
    tau: float
    lower: float
    upper: float
    choices: int
    regret: float


@dataclass(frozen=True)
class Picked:
    """What a method keeps of the layers, and what that is worth after the same healing: KL in nats, accuracy of the queries."""

    layers: int
    method: str
    weights: str
    kept: list[int]
    loss: float
    accuracy: float


class Lab:
    """The original, a supernet of it, what a healing learns from, and the queries that all are judged by.

    training: settings of both.  What all healings have in common, the teacher's answers, is asked for once.
    """

    def __init__(self, build: Build, profile: Profile, merged: Artifact, data: Artifact, folder: Path, training: dict[str, Any]) -> None:
        once = Step("supernet", technique("supernet").Settings(**training))
        self.supernet = compress(build, profile, ORIGINAL._replace(steps=(once,), runtime="torch"), merged, data).model
        queries = generate(folder / "queries", seed=SEED, train=6, validation=QUERIES, test=6, challenge=6)["validation"]
        self.source = Source(merged.path, teacher=merged.path, train=data.file("train.jsonl"), validation=data.file("validation.jsonl"),
                             prompt=profile.prompt.model_dump())
        self._healing, self._scratch = Training(**training), folder
        lessons = training_queries(self.source, self._healing.transfer, self._healing.seed)
        self._lessons, self._judged = teach(self.source, lessons, read_queries(self.source, queries))
        self.layers = len(decoder_layers(open_model(merged.path)))

    def healed(self, kept: Sequence[int], origin: Path | None = None) -> dict[str, float]:
        """These layers of the original, or of ``origin``, distilled alone as the step ``distil`` does it: loss, accuracy."""
        model = open_model(origin or self.source.model).float()
        keep(model, list(kept))
        with TemporaryDirectory(dir=self._scratch) as scratch:
            train(model, self._lessons, self._healing, Path(scratch))
        return judge(model, self._judged)

    def picked(self, method: str, layers: int) -> list[int]:
        origin = self.supernet.path if method == "exchange" else self.source.model
        return choose_layers(replace(self.source, model=origin), Settings(layers=layers, method=method, samples=SAMPLES))[1]

    def predicted(self, choices: Sequence[Sequence[int]]) -> dict[str, list[float]]:
        """Each predictor's figure of every choice, the smaller the better, from training queries alone."""
        prompts, labels = batches(asked(self.source, SAMPLES)), answers(self.source)
        models = {"supernet": self.supernet.path, "original, untrained": self.source.model}
        with torch.inference_mode():
            found = {name: kept_loss(open_model(path).float(), prompts, labels, choices) for name, path in models.items()}
            influence = block_influence(open_model(self.source.model).float(), prompts)
        return {**found, "block influence": [-sum(influence[layer] for layer in kept) for kept in choices]}


def ranks(lab: Lab, layers: int, count: int, seed: int = 1) -> list[Rank]:
    """Every predictor's tau on ``count`` choices of ``layers`` layers, drawn at random, each healed alone."""
    choices = drawn(lab.layers, layers, count, seed)
    healed = [lab.healed(kept)["loss"] for kept in choices]
    return [rank(layers, name, figures, healed) for name, figures in lab.predicted(choices).items()]


def drawn(total: int, layers: int, count: int, seed: int) -> list[tuple[int, ...]]:
    """Different choices of layers; all of them where there are no more.  EdgeError where they are no choice."""
    if not layers < total:
        raise EdgeError(f"--layers: expected fewer than the model's {total}, found {layers}; lower it")
    if comb(total, layers) <= count:
        return list(combinations(range(total), layers))
    rng, found = random.Random(seed), dict[tuple[int, ...], None]()
    while len(found) < count:
        found[tuple(sorted(rng.sample(range(total), layers)))] = None
    return list(found)


def picks(lab: Lab, layers: int) -> list[Picked]:
    """What each method keeps, healed: all from the original's weights, the supernet's choice from its own too."""
    found = []
    for method in ("block_influence", "loss", "exchange"):
        kept = lab.picked(method, layers)
        for origin in (None, lab.supernet) if method == "exchange" else (None,):
            worth = lab.healed(kept, origin and origin.path)
            name = "supernet" if method == "exchange" else method
            found.append(Picked(layers, name, "supernet" if origin else "original", kept, worth["loss"], worth["token_accuracy"]))
    return found


def rank(layers: int, predictor: str, figures: Sequence[float], healed: Sequence[float]) -> Rank:
    """regret: how much more the predictor's best has after healing than the best of all, nats."""
    a, b, generator = np.array(figures), np.array(healed), np.random.default_rng(SEED)
    taus = []
    for _ in range(RESAMPLES):
        some = generator.integers(0, len(a), len(a))
        taus.append(kendalltau(a[some], b[some]).statistic)
    low, high = np.nanquantile(taus, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Rank(layers, predictor, float(kendalltau(a, b).statistic), float(low), float(high), len(a), float(b[a.argmin()] - b.min()))


def table(found: Sequence[Rank | Picked]) -> str:
    """Rows of one kind as Markdown."""
    rows = [asdict(one) for one in found]
    cells = [[f"{value:.3f}" if isinstance(value, float) else " ".join(map(str, value)) if isinstance(value, list) else str(value)
              for value in row.values()] for row in rows]
    return markdown(list(rows[0]), cells)
