"""The user's own training and evaluation files, split as the generated data is."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

from pipeline.data.records import Record, read_records, write_records
from pipeline.data.validate import mistakes
from pipeline.errors import EdgeError

# The documented proportions: 800 train to 100 validation, and 100 test beside 1,500 challenge.
VALIDATION_SHARE = 1 / 9
TEST_SHARE = 1 / 16


def check_own_data(train: Path, evaluation: Path, columns: Mapping[str, str] | None) -> tuple[list[Record], list[Record]]:
    """The records of both files, fit to be split.

    EdgeError names file and line of what `edge data validate` finds wrong in them, such as a query that stands in both;
    classes out of balance are the user's own affair.
    """
    if found := mistakes({"train": train, "evaluation": evaluation}, columns):
        more = f" ({len(found)} such findings; edge data validate shows all)" if len(found) > 1 else ""
        raise EdgeError(found[0] + more)
    learnt, judged = read_records(train, columns), read_records(evaluation, columns)
    for path, rows in ((train, learnt), (evaluation, judged)):
        if max(Counter(row.intent for row in rows).values()) < 2:
            raise EdgeError(f"{path}: expected at least two queries of some intent, found {len(rows)} rows; add some")
    return learnt, judged


def split_own_data(out: Path, train: Path, evaluation: Path, columns: Mapping[str, str] | None, seed: int) -> None:
    """Write train, validation, test and challenge .jsonl into ``out``; each intent keeps its share in both halves.

    EdgeError as in ``check_own_data``.
    """
    learnt, judged = check_own_data(train, evaluation, columns)
    rng = random.Random(f"{seed}/own")
    halves = (("train", "validation", learnt, VALIDATION_SHARE), ("challenge", "test", judged, TEST_SHARE))
    for most, few, rows, share in halves:
        large, small = _stratified(rows, share, rng)
        write_records(out / f"{most}.jsonl", large)
        write_records(out / f"{few}.jsonl", small)


def _stratified(records: list[Record], share: float, rng: random.Random) -> tuple[list[Record], list[Record]]:
    """(the larger, the smaller part); an intent with two or more records is in both."""
    by_intent: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_intent[record.intent].append(record)
    large: list[Record] = []
    small: list[Record] = []
    for group in by_intent.values():
        rng.shuffle(group)
        cut = max(1, round(len(group) * share)) if len(group) > 1 else 0
        small += group[:cut]
        large += group[cut:]
    rng.shuffle(large)
    rng.shuffle(small)
    return large, small
