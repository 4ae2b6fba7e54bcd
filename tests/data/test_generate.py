"""The generated splits: the same bytes for a seed, balanced, and apart from each other."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.generate import generate
from pipeline.data.grammar import SPLITS, all_grammars, all_slots, expand
from pipeline.data.intents import INTENTS
from pipeline.data.near import NearIndex, bigrams, jaccard
from pipeline.data.records import Record, read_records
from pipeline.data.speech import held_out_in, normalise, roughen, table
from pipeline.errors import EdgeError

SIZES = {"train": 800, "validation": 100, "test": 100, "challenge": 1500}


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Record]]:
    paths = generate(tmp_path_factory.mktemp("data"))
    return {split: read_records(path) for split, path in paths.items()}


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    runs = [generate(tmp_path / name, seed=seed) for name, seed in (("a", 7), ("b", 7), ("c", 8))]
    for split in SPLITS:
        first, second, other = (run[split].read_bytes() for run in runs)
        assert first == second != other


def test_sizes_and_balance(splits: dict[str, list[Record]]) -> None:
    for split, records in splits.items():
        counts = Counter(record.intent for record in records)
        assert len(records) == SIZES[split]
        assert set(counts) == {intent.name for intent in INTENTS}
        assert max(counts.values()) - min(counts.values()) <= 1


def test_grammars_are_used_about_equally(splits: dict[str, list[Record]]) -> None:
    for split, records in splits.items():
        for intent in INTENTS:
            used = Counter(record.grammar for record in records if record.intent == intent.name)
            available = sum(g.intent == intent.name and g.split == split for g in all_grammars())
            assert len(used) > 0.9 * min(available, sum(used.values()))
            assert max(used.values()) <= 2.5 * sum(used.values()) / len(used) + 1


def test_each_record_names_a_grammar_of_its_split(splits: dict[str, list[Record]]) -> None:
    for split, records in splits.items():
        for record in records:
            assert record.grammar.startswith(f"{record.intent}/{split}/")


def test_no_query_twice_and_no_near_duplicate_across(splits: dict[str, list[Record]]) -> None:
    keys = [normalise(record.query) for records in splits.values() for record in records]
    assert len(set(keys)) == len(keys)
    learnt = [bigrams(r.query) for split in ("train", "validation") for r in splits[split]]
    for record in [*splits["test"], *splits["challenge"][::5]]:  # by brute force, not by the index
        grams = bigrams(record.query)
        assert max(jaccard(grams, other) for other in learnt) < 0.8, record.query


def test_held_out_values_are_spoken_in_test_and_challenge_alone(splits: dict[str, list[Record]]) -> None:
    for split in ("train", "validation"):
        assert not any(held_out_in(record.query) for record in splits[split])
    for split in ("test", "challenge"):
        assert sum(bool(held_out_in(record.query)) for record in splits[split]) > len(splits[split]) / 20


def test_templates_are_not_shared() -> None:
    templates = [(g.intent, g.template) for g in all_grammars()]
    assert [one for one, count in Counter(templates).items() if count > 1] == []


def test_no_template_of_the_learnt_splits_speaks_a_held_out_value() -> None:
    for grammar in all_grammars():
        if grammar.split in ("train", "validation"):
            assert not held_out_in(grammar.template), grammar.id


def test_held_out_values_are_not_shared_ones() -> None:
    for name, slot in all_slots().items():
        shared, held_out = ({v for group in groups for v in group} for groups in (slot.shared, slot.held_out))
        assert not shared & held_out, name


def test_documented_fields(tmp_path: Path) -> None:
    row = json.loads(generate(tmp_path)["test"].read_text(encoding="utf-8").splitlines()[0])
    assert set(row) == {"query", "intent", "should_route_to_cloud", "confidence_threshold", "expected_output",
                        "grammar"}
    assert set(row["expected_output"]) == {"intent", "confidence", "route"}
    assert row["should_route_to_cloud"] == (row["expected_output"]["route"] == "cloud")


def test_more_than_the_grammars_can_say_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="different validation queries of"):
        generate(tmp_path, validation=60_000)
    assert not list(tmp_path.iterdir())
    with pytest.raises(EdgeError, match="at least 6"):
        generate(tmp_path, test=5)


def test_noise_is_bounded_and_its_rates_hold() -> None:
    rng, longest = random.Random(1), 0
    sentence = "我想知道明天上午北京的天气怎么样"
    said = [roughen(sentence, "train", rng) for _ in range(2000)]
    for one in said:
        assert one.strip() == one and one
        longest = max(longest, len(one) - len(sentence))
        # At most one word misspelt and one character slipped: the rest of the sentence stands in it.
        assert len(bigrams(sentence) & bigrams(one)) >= len(bigrams(sentence)) - 8
    assert longest <= max(map(len, table().wake_words("train"))) + 3 * 8
    woken = sum(one.startswith(("小", "嘿", "你好小度")) for one in said) / len(said)
    assert 0.08 < woken < 0.17


@given(st.sampled_from(["", *table().wake["shared"], *table().wake["held_out"]]),
       st.lists(st.sampled_from([*table().polite, *table().rude, *table().filler])), st.lists(st.sampled_from(table().ending)))
def test_words_around_a_query_do_not_tell_it_apart(wake: str, before: list[str], after: list[str]) -> None:
    """A wake word comes first, as it is said: behind 你好 another would begin, 你好小度."""
    said = wake + "".join(before) + "现在，几点" + "".join(after)
    assert normalise(said) == normalise("现在几点")
    near = NearIndex()
    near.add("core", "现在几点")
    assert [key for key, _ in near.find(said)] == ["core"]


@pytest.mark.parametrize("query", ["你好", "喂", "谢谢", "你好啊"])
def test_a_query_of_such_words_alone_keeps_them(query: str) -> None:
    assert normalise(query) == query


def test_every_grammar_expands_in_its_split() -> None:
    rng = random.Random(0)
    for grammar in all_grammars():
        for _ in range(5):
            sentence = expand(grammar.nodes, all_slots(), grammar.split, rng)
            assert sentence.strip() and not set(sentence) & set("{}[]()|"), grammar.id
