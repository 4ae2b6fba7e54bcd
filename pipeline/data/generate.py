"""The four splits of the intent data, from the grammars: balanced, without duplicates, the same bytes for a seed."""

from __future__ import annotations

import random
from pathlib import Path

from pipeline.data.grammar import HELD_OUT_SPLITS, SPLITS, Grammar, all_grammars, all_slots, expand
from pipeline.data.intents import INTENTS
from pipeline.data.near import NearIndex
from pipeline.data.records import Record, write_records
from pipeline.data.speech import held_out_in, normalise, roughen
from pipeline.errors import EdgeError

_DRAWS = 40


def generate(directory: Path, *, seed: int = 20260101, train: int = 800, validation: int = 100, test: int = 100,
             challenge: int = 1500) -> dict[str, Path]:
    """Write {split}.jsonl for the four splits and return their paths.

    Classes are balanced to one record, grammars are used about equally often, no query stands twice, and no query of
    test or challenge is a near duplicate of one in train or validation.  EdgeError when the grammars cannot speak so
    many different queries.
    """
    sizes = dict(zip(SPLITS, (train, validation, test, challenge), strict=True))
    for split, size in sizes.items():
        if size < len(INTENTS):
            raise EdgeError(f"expected at least {len(INTENTS)} {split} records, one an intent, found {size}; raise it")
    splits = _draw_all(seed, sizes)
    paths = {split: directory / f"{split}.jsonl" for split in SPLITS}
    for split, path in paths.items():
        write_records(path, splits[split])
    return paths


def _draw_all(seed: int, sizes: dict[str, int]) -> dict[str, list[Record]]:
    seen: set[str] = set()
    learnt = NearIndex()
    splits = {}
    for split, size in sizes.items():
        # Validation calibrates and picks the checkpoint, so it must not echo train either.
        splits[split] = _Drawer(split, random.Random(f"{seed}/{split}"), seen, learnt).draw(size)
        if split not in HELD_OUT_SPLITS:
            for number, record in enumerate(splits[split]):
                learnt.add((split, number), record.query)
    return splits


class _Drawer:
    """Draws one split's records; ``apart`` holds the queries that it must not come near."""

    def __init__(self, split: str, rng: random.Random, seen: set[str], apart: NearIndex) -> None:
        self._split, self._rng, self._seen, self._apart = split, rng, seen, apart

    def draw(self, size: int) -> list[Record]:
        records: list[Record] = []
        for place, intent in enumerate(INTENTS):
            wanted = size // len(INTENTS) + (place < size % len(INTENTS))
            records += self._of_intent(intent.name, wanted)
        self._rng.shuffle(records)
        return records

    def _of_intent(self, intent: str, wanted: int) -> list[Record]:
        pool = [g for g in all_grammars() if g.intent == intent and g.split == self._split]
        records: list[Record] = []
        while len(records) < wanted and pool:
            spent = []
            for grammar in self._spread(pool, wanted - len(records)):
                record = self._fresh(grammar)
                if record is None:
                    spent.append(grammar)
                else:
                    records.append(record)
            pool = [grammar for grammar in pool if grammar not in spent]
        if len(records) < wanted:
            raise EdgeError(f"expected {wanted} different {self._split} queries of {intent}, found {len(records)}; "
                            "ask for fewer or add grammars")
        return records

    def _spread(self, pool: list[Grammar], most: int) -> list[Grammar]:
        """At most that many grammars at even distances: a file goes by topics, so each topic keeps its share."""
        if len(pool) <= most:
            return pool
        start, step = self._rng.random(), len(pool) / most
        return [pool[int((start + place) * step)] for place in range(most)]

    def _fresh(self, grammar: Grammar) -> Record | None:
        """A query that stands nowhere yet, or None when many draws brought none."""
        for _ in range(_DRAWS):
            query = roughen(expand(grammar.nodes, all_slots(), self._split, self._rng), self._split, self._rng)
            if self._admits(query):
                self._seen.add(normalise(query))
                return Record(query, grammar.intent, grammar.id)
        return None

    def _admits(self, query: str) -> bool:
        # Shared words may add up to a held-out value: 觉 and 得意思 hold 得意.
        if self._split not in HELD_OUT_SPLITS and held_out_in(query):
            return False
        return normalise(query) not in self._seen and not any(self._apart.find(query))
