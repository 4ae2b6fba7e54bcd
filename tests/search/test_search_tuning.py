"""The tuning queries stand apart from all that a profile is trained and judged on."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.data.generate import generate
from pipeline.data.grammar import all_grammars
from pipeline.data.near import bigrams, jaccard
from pipeline.data.records import read_records
from pipeline.errors import EdgeError
from pipeline.search.tuning import draw


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    generate(folder := tmp_path_factory.mktemp("data"), train=60, validation=60, test=12, challenge=60)
    return folder


def test_none_is_near_a_query_of_the_splits_and_all_are_of_validation_grammars(data: Path, tmp_path: Path) -> None:
    draw(tmp_path / "tuning.jsonl", data, 120)
    tuning = read_records(tmp_path / "tuning.jsonl")
    others = [bigrams(record.query) for file in data.glob("*.jsonl") for record in read_records(file)]
    assert len({record.query for record in tuning}) == 120
    assert max(jaccard(bigrams(record.query), other) for record in tuning for other in others) < 0.8
    splits = {grammar.id: grammar.split for grammar in all_grammars()}
    assert {splits[record.grammar] for record in tuning} == {"validation"} and len({record.intent for record in tuning}) == 6


def test_the_same_are_drawn_again_and_others_with_another_seed(data: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 9), ("b", 9), ("c", 10)):
        draw(tmp_path / name, data, 30, seed)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


def test_more_than_the_grammars_can_say(data: Path, tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="validation queries of|--queries: expected at most"):
        draw(tmp_path / "x", data, 200_000)
