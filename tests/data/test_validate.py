"""Each check finds its planted fault and names the line; clean data has no finding."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.generate import generate
from pipeline.data.near import THRESHOLD, NearIndex, bigrams, jaccard
from pipeline.data.own import split_own_data
from pipeline.data.records import Record, read_records, write_records
from pipeline.data.validate import validate
from pipeline.errors import EdgeError


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, Path]:
    return generate(tmp_path, seed=5)


def plant(path: Path, record: Record) -> str:
    """Append the record; the place as a finding names it."""
    records = [*read_records(path), record]
    write_records(path, records)
    return f"{path}:{len(records)}: "


def test_generated_data_has_no_finding(paths: dict[str, Path]) -> None:
    started = time.perf_counter()
    report = validate(paths)
    assert time.perf_counter() - started < 10
    assert report.findings == ()
    assert report.summary["challenge"]["records"] == 1500 and report.summary["challenge"]["open_chat"] == 250
    assert str(report).endswith("no findings")


def test_a_leak_is_found_behind_a_wake_word(paths: dict[str, Path]) -> None:
    leaked = read_records(paths["train"])[41]
    place = plant(paths["challenge"], Record(f"小爱同学，{leaked.query}？", leaked.intent))
    (finding,) = validate(paths).findings
    assert finding.startswith(place + "leak:") and f"{paths['train']}:42" in finding


def test_a_near_duplicate_is_found(paths: dict[str, Path]) -> None:
    long = next(r for r in read_records(paths["train"]) if len(r.query) > 28)
    place = plant(paths["test"], Record(long.query[:-1], long.intent))
    (finding,) = validate(paths).findings
    assert finding.startswith(place + "near duplicate")


def test_a_duplicate_with_another_label_is_found(paths: dict[str, Path]) -> None:
    first = read_records(paths["train"])[0]
    other = "open_chat" if first.intent != "open_chat" else "time_query"
    place = plant(paths["train"], Record(first.query, other))
    (finding,) = validate(paths).findings
    assert finding.startswith(place + "duplicate:") and f"labelled {first.intent}" in finding


def test_a_shared_grammar_is_found(paths: dict[str, Path]) -> None:
    grammar = read_records(paths["train"])[0].grammar
    place = plant(paths["challenge"], Record("这句话哪里都没有说过呢", "open_chat", grammar))
    assert any(f.startswith(place + "shared grammar") for f in validate(paths).findings)


def test_a_held_out_value_in_train_is_found(paths: dict[str, Path]) -> None:
    place = plant(paths["train"], Record("石家庄这么说哪儿都没人听过", "open_chat", "open_chat/train/1"))
    (finding,) = validate(paths).findings
    assert finding.startswith(place + "held-out value: '石家庄'")


def test_imbalance_and_every_bad_row_are_found(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text('{"query": "几点", "intent": "time_query"}\n{"query": \n{"query": "", "intent": "time_query"}\n',
                    encoding="utf-8")
    findings = validate({"train": path}).findings
    assert [f.split(": ")[0] for f in findings[:2]] == [f"{path}:2", f"{path}:3"]
    assert sum("0 " in f and "largest" in f for f in findings) == 5


def test_an_unreadable_file_is_a_finding(tmp_path: Path) -> None:
    (finding,) = validate({"train": tmp_path / "no.jsonl"}).findings
    assert "found none" in finding


WORDS = st.text("天气怎么样几点了", min_size=1, max_size=12)


@given(st.lists(WORDS, max_size=12), WORDS)
def test_the_index_finds_what_brute_force_finds(queries: list[str], query: str) -> None:
    index = NearIndex()
    for place, one in enumerate(queries):
        index.add(place, one)
    wanted = {i for i, one in enumerate(queries) if jaccard(bigrams(one), bigrams(query)) >= THRESHOLD}
    assert {place for place, _ in index.find(query)} == wanted


def test_own_files_are_split_alike(tmp_path: Path) -> None:
    paths = generate(tmp_path / "made", train=180, challenge=320)
    split_own_data(tmp_path / "own", paths["train"], paths["challenge"], None, 3)
    sizes = {path.stem: len(read_records(path)) for path in (tmp_path / "own").iterdir()}
    assert sizes["train"] + sizes["validation"] == 180 and 15 <= sizes["validation"] <= 25
    assert sizes["test"] + sizes["challenge"] == 320 and 15 <= sizes["test"] <= 25
    assert validate({name: tmp_path / "own" / f"{name}.jsonl" for name in ("train", "challenge")}).findings == ()


def test_own_files_that_leak_are_refused(tmp_path: Path) -> None:
    paths = generate(tmp_path / "made", train=60)
    plant(paths["test"], read_records(paths["train"])[3])
    refused(paths["train"], paths["test"], "test.jsonl:101: leak: .* at .*train.jsonl:4;")


def refused(train: Path, evaluation: Path, because: str) -> None:
    out = train.parent / "own"
    with pytest.raises(EdgeError, match=because):
        split_own_data(out, train, evaluation, None, 3)
    assert not out.exists()


def test_own_files_with_a_near_duplicate_in_the_other_are_refused(paths: dict[str, Path]) -> None:
    long = next(r for r in read_records(paths["train"]) if len(r.query) > 28)
    plant(paths["test"], Record(long.query[:-1], long.intent))
    refused(paths["train"], paths["test"], "test.jsonl:101: near duplicate")


def test_own_files_with_a_query_twice_are_refused(paths: dict[str, Path]) -> None:
    """One of the two might be trained on and the other calibrated with."""
    plant(paths["train"], read_records(paths["train"])[3])
    refused(paths["train"], paths["test"], "train.jsonl:801: duplicate: .* at .*train.jsonl:4;")


def test_own_files_out_of_balance_are_used(paths: dict[str, Path], tmp_path: Path) -> None:
    few = [r for i, r in enumerate(read_records(paths["train"])) if r.intent != "open_chat" or i < 40]
    write_records(paths["train"], few)
    assert "open_chat" in validate({"train": paths["train"]}).findings[0]
    split_own_data(tmp_path / "own", paths["train"], paths["test"], None, 3)


def test_imports_are_light() -> None:
    code = "import sys, pipeline.data.generate, pipeline.data.validate, pipeline.data.own; " \
           "assert not {'torch', 'transformers', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
