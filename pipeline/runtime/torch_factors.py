"""Factorised layers of a Hugging Face directory: config.json says which there are, the weights hold each factor by itself.

``factors``: name of a matrix -> its inner ranks; its weight W [out, in] is the product of ``NAME.0.weight`` [rank, in], the first to
be applied, to the last one, [out, rank].  ``shared``: name of a factor -> name of the one whose weights it has; those are stored once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

import transformers
from torch import Tensor, nn


class Qwen3ForCausalLM(transformers.Qwen3ForCausalLM):
    """A Qwen3 whose factors are in place before its weights are read; of the same name, which a saved config.json repeats."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        for name, ranks in config.factors.items():
            _factorise(self, name, ranks)
        self._keys_to_ignore_on_load_missing |= {f"{name}.weight" for name in getattr(config, "shared", {})}


def share(model: Any, shared: Mapping[str, str]) -> None:
    """Let factors be others' from now on; config.json says so, and their weights are written once."""
    for name, other in shared.items():
        model.set_submodule(name, model.get_submodule(other))
    model._keys_to_ignore_on_save |= {f"{name}.weight" for name in shared}
    model.config.shared = {**getattr(model.config, "shared", {}), **shared}


def put_factors(model: Any, name: str, weights: Sequence[Tensor]) -> None:
    """Replace a matrix by the product of ``weights``, the first to be applied first, in the matrix's own type."""
    dense = model.get_submodule(name)
    ranks = [len(weight) for weight in weights[:-1]]
    chain = _factorise(model, name, ranks)
    for linear, weight in zip(chain, weights, strict=True):
        linear.weight.data.copy_(weight)
    if dense.bias is not None:
        chain[-1].bias.data.copy_(dense.bias)
    model.config.factors = {**getattr(model.config, "factors", {}), name: ranks}


def products(model: Any) -> Iterator[tuple[str, Tensor]]:
    """(name of the weight, its dense form [out, in]) of every factorised matrix."""
    for name in getattr(model.config, "factors", {}):
        yield f"{name}.weight", reduce(lambda product, linear: linear.weight.detach() @ product, model.get_submodule(name)[1:],
                                       model.get_submodule(name)[0].weight.detach())


def _factorise(model: Any, name: str, ranks: Sequence[int]) -> nn.Sequential:
    """The chain of empty linear layers that takes the matrix's place; a bias belongs to the last."""
    dense = model.get_submodule(name)
    sizes = [dense.in_features, *ranks, dense.out_features]
    last = len(ranks)
    chain = nn.Sequential(*(
        nn.Linear(*pair, bias=i == last and dense.bias is not None, device=dense.weight.device, dtype=dense.weight.dtype)
        for i, pair in enumerate(zip(sizes, sizes[1:], strict=False))))
    model.set_submodule(name, chain)
    return chain
