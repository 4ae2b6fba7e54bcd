"""A tokenizer.json of byte-level BPE as data: what a token is merged from, and the same with fewer tokens.

A kept token's merges stay, in their order.  So a text whose tokens were all kept is merged step by step as before: inside a
word BPE always joins the pair of lowest rank, and this one is still there and still the lowest.  All bytes stay, so any
other text is written in smaller pieces.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from pipeline.errors import EdgeError


class ByteBPE:
    """``state``: the JSON object.  EdgeError unless it is byte-level BPE, as Qwen's is."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        from tokenizers.pre_tokenizers import ByteLevel

        model = state["model"]
        kinds = (model.get("type"), (state.get("decoder") or {}).get("type"), (state.get("post_processor") or {}).get("type", "ByteLevel"))
        missing = set(ByteLevel.alphabet()) - set(model.get("vocab", ()))
        if kinds != ("BPE", "ByteLevel", "ByteLevel") or missing:
            raise EdgeError(f"tokenizer.json: expected byte-level BPE with all 256 bytes, as Qwen's, found {'/'.join(map(str, kinds))} "
                            f"without {len(missing)} of the bytes; its trimming has to be written first")
        self._state, self.vocab, self.merges = state, model["vocab"], model["merges"]
        self._piece = {token: piece for piece, token in self.vocab.items()}
        self._rank = {pair: rank for rank, pair in enumerate(map(_pair, self.merges))}
        self.added = {token["id"] for token in state["added_tokens"]}
        self.ids = self.added | set(self._piece)
        self.bytes = {self.vocab[byte] for byte in ByteLevel.alphabet()}

    def closure(self, token: int) -> set[int]:
        """The token and all that BPE makes on the way to it; itself alone for one that no merges make."""
        if token in self.added or token not in self._piece:
            return {token}
        parts = list(self._piece[token])
        made = set(parts)
        while len(parts) > 1:
            rank, at = min((self._rank.get(pair, math.inf), at) for at, pair in enumerate(pairwise(parts)))
            if rank == math.inf:
                return {token}
            parts[at:at + 2] = [parts[at] + parts[at + 1]]
            made.add(parts[at])
        return {self.vocab[part] for part in made}

    def trimmed(self, kept: Iterable[int]) -> tuple[dict[str, Any], dict[int, int]]:
        """The state with these tokens alone, and old id -> new id: in the old order, from 0, without gaps.

        A merge stays where both its parts and its result do.
        """
        new = {old: at for at, old in enumerate(sorted(kept))}
        vocab = {piece: new[token] for piece, token in sorted(self.vocab.items(), key=lambda item: item[1]) if token in new}
        merges = [merge for merge in self.merges if {*(pair := _pair(merge)), "".join(pair)} <= vocab.keys()]
        state = {**self._state, "model": {**self._state["model"], "vocab": vocab, "merges": merges},
                 "added_tokens": [{**token, "id": new[token["id"]]} for token in self._state["added_tokens"]]}
        if state.get("padding"):
            state["padding"] = {**state["padding"], "pad_id": new.get(state["padding"]["pad_id"], 0)}
        return state, new


def _pair(merge: str | list[str]) -> tuple[str, str]:
    """Older files write a merge as "a b"; no piece of byte-level BPE holds a space."""
    first, second = merge.split(" ") if isinstance(merge, str) else merge
    return first, second
