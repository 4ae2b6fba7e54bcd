"""Where a quantised model parts from its original: weight by weight, and layer by layer on real text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

ROWS = 4096  # of a matrix that are looked at at once, in float64


@dataclass
class Apart:
    """How far some vectors are from their originals: means over the vectors, those of nothing left out.

    cosine: of each with its original.  error: |a - b| / |a|.
    """

    cosines: float = 0.0
    errors: float = 0.0
    vectors: int = 0

    def add(self, exact: Tensor, found: Tensor) -> None:
        """Vectors along the last dimension, any before it."""
        a, b = (side.detach().reshape(-1, side.shape[-1]).double() for side in (exact, found))
        size = a.norm(dim=-1)
        kept = size > 0
        a, b, size = a[kept], b[kept], size[kept]
        other = b.norm(dim=-1)
        # Of the same vectors exactly 1, where a rounding of the quotient would say .9999.
        cosine = torch.where((a == b).all(-1), 1.0, (a * b).sum(-1) / (size * other).clamp_min(torch.finfo(torch.float64).tiny))
        self.cosines += float(cosine.clamp(-1, 1).sum())
        self.errors += float(((a - b).norm(dim=-1) / size).sum())
        self.vectors += len(size)

    def to_json(self) -> dict[str, float | None]:
        count = self.vectors
        return {"cosine": self.cosines / count if count else None, "error": self.errors / count if count else None}


def weights_apart(exact: nn.Module, found: nn.Module) -> dict[str, dict[str, float | None]]:
    """Of each matrix that both have in one shape and that is not the same: ``cosine`` and ``error`` as a whole, by its name.

    A quantised matrix counts with the values it stands for.  AWQ and SmoothQuant move scales between neighbours, so there the layers'
    outputs tell, not the weights.
    """
    known = dict(exact.named_parameters())
    apart = {}
    for name, matrix in found.named_parameters():
        original = known.get(name)
        if original is not None and original.dim() == 2 and original.shape == matrix.shape and not torch.equal(original, matrix):
            apart[name] = _as_one(original.detach(), matrix.detach())
    return apart


def _as_one(exact: Tensor, found: Tensor) -> dict[str, float | None]:
    product = one = other = difference = 0.0
    for a, b in zip(exact.split(ROWS), found.split(ROWS), strict=True):
        a, b = a.double(), b.double()
        product, difference = product + float((a * b).sum()), difference + float(((a - b) ** 2).sum())
        one, other = one + float((a * a).sum()), other + float((b * b).sum())
    if not one:
        return {"cosine": None, "error": None}
    return {"cosine": product / (one * other) ** 0.5 if other else 0.0, "error": (difference / one) ** 0.5}


class LayersApart:
    """The outputs of each decoder layer of two models on the same tokens, compared as they come: no more is kept than a window's.

    ``alone``: the candidate's layer on the original's input, its own error.  ``through``: in the candidate's own run, with what
    the layers before it have done.  Vectors are the hidden states of tokens.
    """

    def __init__(self, exact: Any, found: Any) -> None:
        self._exact, self._found = exact.model.layers, found.model.layers
        if len(self._exact) != len(self._found):
            self._exact = self._found = nn.ModuleList()  # layers were left out: there is no pairing
        self.alone, self.through = ([Apart() for _ in self._exact] for _ in range(2))
        self._fresh, self._outputs = 0, [torch.empty(0)] * len(self._exact)

    @contextmanager
    def watching(self, fresh: int) -> Iterator[None]:
        """While both models read one window, the original first; only positions from ``fresh`` on count."""
        self._fresh = fresh
        hooks = [hook for place in range(len(self._exact)) for hook in (
            self._exact[place].register_forward_hook(self._original(place), with_kwargs=True),
            self._found[place].register_forward_hook(self._candidate(place)))]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _original(self, place: int) -> Any:
        def hook(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any], out: Any) -> None:
            self._outputs[place] = out = _hidden(out)[:, self._fresh:]
            # Its forward, not the module itself, which would call the hook of the candidate's own run.
            alone = _hidden(self._found[place].forward(*given, **named))[:, self._fresh:]
            self.alone[place].add(out, alone)

        return hook

    def _candidate(self, place: int) -> Any:
        def hook(_: nn.Module, __: Any, out: Any) -> None:
            self.through[place].add(self._outputs[place], _hidden(out)[:, self._fresh:])

        return hook

    def to_json(self) -> list[dict[str, Any]]:
        """An entry a layer, the first one first."""
        return [{"layer": place, "alone": alone.to_json(), "through": through.to_json()}
                for place, (alone, through) in enumerate(zip(self.alone, self.through, strict=True))]


def _hidden(out: Any) -> Tensor:
    """[texts, tokens, hidden] of a decoder layer, which some versions give as the first of several."""
    return out[0] if isinstance(out, tuple) else out
