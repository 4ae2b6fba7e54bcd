"""The scenarios of the joint test and the client's cases: the committed files, and what their readers refuse."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import main
from pipeline.data import scenarios_generate
from pipeline.data.generate import generate
from pipeline.data.intents import INTENTS, by_name
from pipeline.data.near import NearIndex
from pipeline.data.records import read_records
from pipeline.data.scenarios import Scenario, Turn, read_client_cases, read_scenarios, route_of
from pipeline.errors import EdgeError
from pipeline.yaml_file import read_yaml

DATA = Path(__file__).parents[2] / "data"
SCENARIOS, CASES = DATA / "edge_cloud_scenarios.jsonl", DATA / "client_cases.jsonl"


@pytest.fixture(scope="module")
def scenarios() -> list[Scenario]:
    return read_scenarios(SCENARIOS)


@pytest.fixture(scope="module")
def turns(scenarios: list[Scenario]) -> list[Turn]:
    return [turn for scenario in scenarios for turn in scenario.turns]


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> NearIndex:
    """What the reference profile trains and calibrates on."""
    paths = generate(tmp_path_factory.mktemp("data"))
    index = NearIndex()
    for split in ("train", "validation"):
        for record in read_records(paths[split]):
            index.add(record.query, record.query)
    return index


def test_the_committed_scenarios_are_generated_byte_for_byte(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "scenarios", str(tmp_path / "again.jsonl")]) == 0
    assert (tmp_path / "again.jsonl").read_bytes() == SCENARIOS.read_bytes()
    assert "240 scenarios" in capsys.readouterr().out


def test_there_are_enough_of_every_kind(scenarios: list[Scenario], turns: list[Turn]) -> None:
    assert len({scenario.id for scenario in scenarios}) == len(scenarios) == 240
    assert {len(scenario.turns) for scenario in scenarios} == {2, 3, 4}
    counts = Counter(turn.intent for turn in turns)
    for intent in INTENTS:
        assert abs(counts[intent.name] / len(turns) - intent.share) < 0.04, intent.name
    marks = Counter(mark for turn in turns for mark in turn.metadata)
    assert min(marks[mark] for mark in ("local_only", "requires_reasoning", "previous_failed")) >= 10
    assert sum(turn.user != turn.standalone for turn in turns) >= 200
    assert any(len(turn.user) > 100 for turn in turns)
    assert any(len({turn.intent for turn in scenario.turns}) > 2 for scenario in scenarios)


def test_each_turn_goes_where_mark_rule_and_intent_say(scenarios: list[Scenario]) -> None:
    for scenario in scenarios:
        private = False
        for turn in scenario.turns:
            private |= "local_only" in turn.metadata
            assert not private or turn.metadata["local_only"] == "true"  # what was private stays so
            ruled = len(turn.standalone) > 100 or {"requires_reasoning", "previous_failed"} & set(turn.metadata)
            assert turn.route == ("local" if private else "cloud" if ruled else by_name(turn.intent).route)


def test_a_scenario_opens_with_a_whole_question_and_asks_none_twice(scenarios: list[Scenario]) -> None:
    again = read_yaml(Path(scenarios_generate.__file__).with_name("scenarios.yaml"))["again"]
    asked = Counter(turn.standalone for scenario in scenarios for turn in scenario.turns if turn.user not in again)
    assert asked.most_common(1)[0][1] == 1
    for scenario in scenarios:
        assert scenario.turns[0].user == scenario.turns[0].standalone


def test_no_question_was_trained_on(turns: list[Turn], learnt: NearIndex) -> None:
    for question in [*(turn.standalone for turn in turns), *(case.query for case in read_client_cases(CASES))]:
        assert not list(learnt.find(question)), question


def test_there_are_two_cases_of_each_intent() -> None:
    cases = read_client_cases(CASES)
    assert Counter(case.intent for case in cases) == {intent.name: 2 for intent in INTENTS}
    assert all(case.route == by_name(case.intent).route for case in cases)
    assert len({case.id for case in cases}) == 12


@pytest.mark.parametrize(("metadata", "route"), [
    ({}, "local"), ({"requires_reasoning": "true"}, "cloud"), ({"previous_failed": "true"}, "cloud"),
    ({"local_only": "true", "previous_failed": "true"}, "local"),
])
def test_a_mark_decides_before_the_intent(metadata: dict[str, str], route: str) -> None:
    assert route_of("几点了", "time_query", metadata) == route
    assert route_of("几" * 101, "time_query", {}) == "cloud" and route_of("几" * 100, "time_query", {}) == "local"
    assert route_of("为什么", "knowledge_qa", {"local_only": "true"}) == "local"


TURN = {"user": "那明天呢", "standalone": "北京明天下雨吗", "intent": "weather_query", "route": "local", "metadata": {}}
GOOD = {"id": "a", "turns": [TURN]}
BAD = [
    ("{", "broken JSON"),
    ({"turns": [TURN]}, "id: Field required"),
    ({"id": "a", "turns": []}, "turns: List should have at least 1 item"),
    (GOOD | {"note": 1}, "unknown key note"),
    (GOOD | {"id": 7}, "id: Input should be a valid string, found '7'"),
    ({"id": "a", "turns": [TURN | {"intent": "weather"}]}, "turns.0.intent: expected one of weather_query"),
    ({"id": "a", "turns": [TURN | {"route": "edge"}]}, "turns.0.route: Input should be 'local' or 'cloud', found 'edge'"),
    ({"id": "a", "turns": [TURN | {"user": " "}]}, "turns.0.user: the text: expected a query, found a blank one"),
    ({"id": "a", "turns": [TURN | {"user": "x<|im_end|>"}]}, "special token"),
    ({"id": "a", "turns": [TURN | {"standalone": "好" * 2001}]}, "at most 2,000"),
    ({"id": "a", "turns": [TURN | {"metadata": {"local_only": True}}]}, "turns.0.metadata.local_only: Input should be 'true'"),
    ({"id": "a", "turns": [TURN | {"metadata": {"secret": "true"}}]}, "Input should be 'local_only'"),
    (GOOD, "expected each id once, found 'a' at line 1 too"),
]


@pytest.mark.parametrize(("row", "reason"), BAD, ids=[reason[:30] for _, reason in BAD])
def test_a_bad_scenario_is_one_line(row: Any, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    lines = [json.dumps(GOOD), row if isinstance(row, str) else json.dumps(row)]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(EdgeError) as error:
        read_scenarios(path)
    assert str(error.value).startswith(f"{path}:2: ") and reason in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("read", [read_scenarios, read_client_cases])
@pytest.mark.parametrize(("content", "reason"), [(None, "found none"), (b"", "empty file"), (b"\xff", "expected UTF-8"),
                                                 (b"[]\n", "found a list")])
def test_a_file_of_no_use_is_one_line(read: Any, content: bytes | None, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EdgeError, match=reason):
        read(path)


def test_texts_that_cannot_say_enough_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = scenarios_generate.Plan(count=9, moves=["ask", "refer"])
    texts = scenarios_generate.Texts(seed=1, plans=[plan], slots={}, asks={}, again=["再说"], follow={},
                                     refer={"dynasty": [scenarios_generate.Reference(user="它呢", standalone="{}", intent="knowledge_qa")]},
                                     long=scenarios_generate.Long(intents=["time_query"], stories=["{}"]))
    monkeypatch.setattr(scenarios_generate, "read_model", lambda path, model: texts)
    with pytest.raises(EdgeError, match="expected 9 different scenarios of ask, refer"):
        scenarios_generate.generate_scenarios()
