"""What a recipe may set of `depth`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipeline.compress import PRUNING, WEIGHTS
from pipeline.compress.settings import Calibrated, Positive, Share

STAGE, FAMILY = WEIGHTS, PRUNING


class Settings(Calibrated):
    """keep: the share of layers that stay, at most.  layers: how many stay, whatever ``keep`` says.  kept: which ones, by number, so
    that none has to be looked for.

    method: ``loss`` drops one layer after another, each time the one without which the distribution over the labels changes
    least (KL from the whole model's, in nats; greedy as SLEB, Song et al. 2024, arXiv:2402.09025).  ``block_influence`` drops
    at once those of the smallest 1 - cos between what goes in and what comes out (ShortGPT, Men et al. 2024,
    arXiv:2403.03853): one pass instead of some layers / 2 for every layer that goes.  ``exchange`` begins
    with those that ``loss`` keeps and exchanges one kept for one dropped, the pair with which the KL falls most, until none does: what
    `supernet` is trained to be judged by.
    """

    samples: Positive = 16
    keep: Share = 0.75
    layers: Positive | None = None
    kept: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    method: Literal["loss", "block_influence", "exchange"] = "loss"
