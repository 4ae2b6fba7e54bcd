"""Of the decomposition techniques."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.compress.settings import Settings, Share

Projection = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class Factorised(Settings):
    """budget: the share of a dense matrix's weights that its factors may have.  energy: instead of that, the share of the squared
    singular values to keep, 1 for all that are not zero.  modules: which matrices.  only_if_smaller: one whose factors would have
    more weights than itself stays dense, and is reported.
    """

    budget: Share = 0.5
    energy: float | None = Field(None, gt=0, le=1)
    modules: tuple[Projection, ...] = Field(("gate_proj", "up_proj", "down_proj", "q_proj", "o_proj"), min_length=1)
    only_if_smaller: bool = True
