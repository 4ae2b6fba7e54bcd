"""Of the unstructured pruning techniques."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from pipeline.compress.settings import Settings, Share


class Sparse(Settings):
    """sparsity: the share of the decoder layers' matrix weights to become zero.  pattern: "2:4" for exactly two zeros in every four
    neighbours along the input dimension, which some hardware multiplies faster; its sparsity is 0.5.
    """

    sparsity: Share = 0.5
    pattern: Literal["", "2:4"] = ""

    @model_validator(mode="after")
    def _half(self) -> Self:
        if self.pattern and self.sparsity != 0.5:
            raise ValueError(f"expected a sparsity of 0.5 with the pattern {self.pattern}, found {self.sparsity}")
        return self
