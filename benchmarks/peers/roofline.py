"""The least time that the machine needs for one decision (Williams et al. 2009): its products or its weights, whichever take longer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.peers import Form


@dataclass(frozen=True)
class Work:
    """What one decision needs at least: multiplications and additions, and weights read once each."""

    operations: float
    weights: float

    def megabytes(self, form: Form) -> float:
        return self.weights * form.bits / 8e6

    def milliseconds(self, form: Form, products: Mapping[str, float], read: float) -> float:
        """products: operations a second by type.  read: bytes a second."""
        return 1e3 * max(self.operations / products[form.arithmetic], 1e6 * self.megabytes(form) / read)


def work(config: Mapping[str, Any], tokens: int, labels: int) -> Work:
    """Of a transformers Qwen3 config: every layer at all T tokens, the last one's queries and what follows them at one.

    The head has the label rows alone.  An engine that does more, pads or computes every row, does not get more credit for it.
    """
    hidden, width, layers = config["hidden_size"], config["head_dim"], config["num_hidden_layers"]
    known = 2 * hidden * config["num_key_value_heads"] * width
    asked = 2 * hidden * config["num_attention_heads"] * width + 3 * hidden * config["intermediate_size"]
    pair = 4 * config["num_attention_heads"] * width  # a query and a key: two products of that width
    per_layer = 2 * tokens * (known + asked) + pair * tokens * (tokens + 1) / 2
    last = 2 * (tokens * known + asked) + pair * tokens
    return Work((layers - 1) * per_layer + last + 2 * hidden * labels, layers * (known + asked) + hidden * (tokens + labels))
