"""What a search by words hands to a reranker, and `edge compress --task rerank --compare`."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli import main
from pipeline.data.retrieval.candidates import candidates
from pipeline.data.retrieval.dataset import Document, Question
from tests.export.tiny_qwen3 import build

TEXTS = st.lists(st.text("课件讲义第一二章ab", min_size=1, max_size=12), min_size=1, max_size=12)


@given(TEXTS, st.text("课件讲义第一二章ab", min_size=1, max_size=12), st.integers(1, 15))
def test_each_document_is_a_candidate_once_and_more_of_them_begin_with_the_fewer(texts, asked, number):
    documents = [Document(f"d{at}", text) for at, text in enumerate(texts)]
    few, = candidates([Question(asked, ("d0",))], documents, number)
    all_of_them, = candidates([Question(asked, ("d0",))], documents, len(documents))
    assert sorted(one.id for one in all_of_them) == sorted(one.id for one in documents) and few == all_of_them[:number]


@given(TEXTS)
def test_no_document_is_nearer_to_a_text_than_itself(texts):
    """Of several with the same pairs the first stands first; one of a single character is its own pair."""
    documents = [Document(f"d{at}", text) for at, text in enumerate(texts)]
    for one in documents:
        first = candidates([Question(one.text, (one.id,))], documents, 1)[0][0]
        pairs = [sorted(text[at:at + 2] for at in range(max(1, len(text) - 1))) for text in (first.text, one.text)]
        assert pairs[0] == pairs[1] or set(pairs[0]) == set(pairs[1])


def test_a_rare_pair_weighs_more_than_a_common_one():
    documents = [Document("rare", "电场磁铁"), *(Document(f"d{at}", "课件") for at in range(9))]
    assert candidates([Question("课件，电场", ("rare",))], documents, 1)[0][0].id == "rare"


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """The files of a profile whose base is a small reranker, and what the command printed and wrote of it."""
    folder = tmp_path_factory.mktemp("rerank")
    build(folder / "weights", 3)
    for name, step in (("small", {"int8": {}}), ("shorter", {"depth": {"layers": 1}})):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({"name": name, "says": "x", "steps": [step]}))
    content = {"name": "tiny", "says": "x", "tells": ["behaviour"], "base": {"kind": "pretrained", "model": str(folder / "weights")},
               "data": {}, "prompt": {"system": "x"}, "train": {},
               "retrieval": {"given": "reranker", "max_length": 256, "labels": ["A", "B"], "train": 20, "validation": 10, "challenge": 6}}
    (folder / "tiny.yaml").write_text(yaml.safe_dump(content, allow_unicode=True))
    return folder


def run(folder, *options):
    return main(["compress", "--task", "rerank", "--profile", str(folder / "tiny.yaml"), "--store", str(folder / "store"),
                 "--reports", str(folder / "reports"), "--rounds", "3", *options])


def test_recipes_are_compared_on_the_candidates_of_the_same_questions(compared, capsys):
    assert run(compared, "--compare", "original", str(compared / "small.yaml"), str(compared / "shorter.yaml")) == 0
    table = capsys.readouterr().out
    found = json.loads((compared / "reports" / "reranker.json").read_text())
    original, small, shorter = found["compared"]
    assert [row["recipe"] for row in found["compared"]] == ["original", "small", "shorter"] and "loss" not in original
    assert 0 < small["near"] < shorter["near"] and small["size_mb"] < 0.5 * original["size_mb"]
    assert len(small["measurements"]["score_moved"]["values"]) == 6 * 20 and len(small["measurements"]["ndcg_loss"]["values"]) == 6
    assert small["loss"]["value"] == pytest.approx(original["ndcg"] - small["ndcg"])
    assert 0 < found["unaided"]["ndcg"] <= 1 and original["recall"] <= 1
    assert "score moved" in table and "search by words" in table and "of one pair" in table
