"""Laws of the template language, and the errors it gives."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.grammar import SPLITS, SlotValues, expand, parse, read_grammars, read_slots, slot_names
from pipeline.errors import EdgeError

SLOTS = {
    "city": SlotValues((("北京", "上海"),), (("桂林",),)),
    "unit": SlotValues((("米", "公里"), ("斤", "克")), ()),
}
PLAIN = st.text(st.characters(blacklist_characters="{}()[]|", blacklist_categories=["Cs"]), max_size=8)


def options(template: str, split: str = "train") -> set[str]:
    return {expand(parse(template), SLOTS, split, random.Random(seed)) for seed in range(60)}


@given(PLAIN, st.integers())
def test_plain_text_expands_to_itself(text: str, seed: int) -> None:
    assert expand(parse(text), SLOTS, "train", random.Random(seed)) == text


@given(st.lists(PLAIN, min_size=1, max_size=4), PLAIN, st.integers())
def test_a_choice_is_one_of_its_alternatives(alternatives: list[str], tail: str, seed: int) -> None:
    template = f"({'|'.join(alternatives)}){tail}"
    assert expand(parse(template), SLOTS, "train", random.Random(seed)) in {one + tail for one in alternatives}


@given(PLAIN, st.integers())
def test_an_optional_part_is_there_or_not(part: str, seed: int) -> None:
    assert expand(parse(f"头[{part}]尾"), SLOTS, "train", random.Random(seed)) in {f"头{part}尾", "头尾"}


@given(st.recursive(PLAIN, lambda inner: st.one_of(
    st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
    inner.map(lambda part: f"[{part}]"), st.just("{city}")), max_leaves=6), st.integers())
def test_expansion_is_deterministic_and_leaves_no_syntax(template: str, seed: int) -> None:
    nodes = parse(template)
    one, other = (expand(nodes, SLOTS, "test", random.Random(seed)) for _ in range(2))
    assert one == other
    assert not set(one) & set("{}()[]|")
    assert slot_names(nodes) <= {"city"}


def test_nesting() -> None:
    assert options("(甲[乙|丙]|{city})") == {"甲", "甲乙", "甲丙", "北京", "上海"}


def test_held_out_values_only_where_they_may_be_spoken() -> None:
    for split in SPLITS:
        assert ("桂林" in options("{city}", split)) == (split in ("test", "challenge"))


def test_a_slot_used_twice_draws_two_values_of_one_group() -> None:
    assert options("{unit}{unit}") == {"米公里", "公里米", "斤克", "克斤"}


@pytest.mark.parametrize("template", [
    "(甲", "甲)", "[甲", "甲|乙", "{", "}", "{}", "{a b}", "(甲]", "[甲)", "((甲)", "{甲{乙}}"])
def test_a_malformed_template_is_named(template: str) -> None:
    with pytest.raises(EdgeError, match="^here: expected"):
        parse(template, "here")


def grammar_file(folder: Path, train: str) -> Path:
    path = folder / "weather_query.yaml"
    path.write_text(f"train:\n{train}\nvalidation: []\ntest: []\nchallenge: []\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(("lines", "said"), [
    ("  - '好'\n  - '{city'", "train entry 2: expected"), ("  - '{citty}'", "train entry 1: expected a slot"),
    ("  - 12", "train entry 1: expected a template"), ("  - {city}明天", r"yaml:2: expected valid YAML"),
])
def test_a_mistake_names_file_and_entry(tmp_path: Path, lines: str, said: str) -> None:
    with pytest.raises(EdgeError, match=f"weather_query.yaml.*{said}|{said}"):
        read_grammars(grammar_file(tmp_path, lines), SLOTS)


def test_a_missing_split_is_named(tmp_path: Path) -> None:
    path = tmp_path / "weather_query.yaml"
    path.write_text("train: ['好']\n", encoding="utf-8")
    with pytest.raises(EdgeError, match="expected the keys train, validation, test, challenge, found train"):
        read_grammars(path, SLOTS)


@pytest.mark.parametrize("entry", ["[a]", "{shared: [a]}", "{shared: [], held_out: []}", "{shared: a, held_out: []}",
                                   "{shared: [yes], held_out: []}", "{shared: [''], held_out: []}"])
def test_a_malformed_slot_is_named(tmp_path: Path, entry: str) -> None:
    path = tmp_path / "slots.yaml"
    path.write_text(f"city: {entry}\n", encoding="utf-8")
    with pytest.raises(EdgeError, match="slots.yaml: city"):
        read_slots(path)
