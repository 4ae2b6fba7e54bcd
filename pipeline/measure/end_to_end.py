"""How long a user waits for an answer, and whether the conversations went where they should."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.data.scenarios import Scenario, Turn
from pipeline.measure.attempts import undisturbed
from pipeline.measure.conditions import Seen, conditions_of
from pipeline.measure.conversation import Answered, Conversation, summary
from pipeline.measure.latency import percentiles
from pipeline.measure.measurement import Proportion, Sample
from pipeline.progress import track
from pipeline.runtime.decision import LOCAL

WARMUP = 5  # conversations


@dataclass(frozen=True)
class Talk:
    """Every turn of the scenarios with what it got, and what was seen of the machine meanwhile."""

    turns: list[tuple[Turn, Answered]]
    artifacts: dict[str, str]
    conditions: dict[str, Any]
    invalid: str


def talk(client: Any, scenarios: Sequence[Scenario], artifacts: Mapping[str, str], conditions: Mapping[str, Any]) -> Talk:
    """Hold every conversation, turn by turn, alone on the machine.  conditions: what stands for the cloud, and its delay."""
    for scenario in scenarios[:WARMUP]:
        _hold(client, scenario)

    def hold_all() -> list[tuple[Turn, Answered]]:
        with track("scenarios", len(scenarios)) as bar:
            found = []
            for scenario in scenarios:
                found.extend(_hold(client, scenario))
                bar.advance()
            return found

    seen: Seen
    turns, seen = undisturbed("timing", hold_all)
    return Talk(turns, dict(artifacts), {**conditions, "transport": "HTTP", "warmup": WARMUP, **conditions_of(seen)}, seen.broken)


def _hold(client: Any, scenario: Scenario) -> list[tuple[Turn, Answered]]:
    conversation = Conversation(client)
    return [(turn, conversation.ask(turn.user, turn.metadata)) for turn in scenario.turns]


def end_to_end(held: Talk) -> Sample:
    """Milliseconds of each turn, from the client's question to the whole answer.

    details: percentiles of all, of each route, and of each step in the gateway that was taken.
    """
    answered = [one for _, one in held.turns]
    values = [one.ms for one in answered]
    by_route = {route: percentiles([one.ms for one in answered if one.route == route]) for route in {one.route for one in answered}}
    steps = {step: percentiles([one.told["ms"][step] for one in answered if step in one.told["ms"]])
             for step in sorted({step for one in answered for step in one.told["ms"]})}
    return Sample("end_to_end", "ms", held.artifacts, held.conditions,
                  {**percentiles(values), "by_route": by_route, "steps": steps, **summary(answered)}, held.invalid, values)


def rightly_routed(held: Talk) -> Proportion:
    """1 a turn that went where the scenario says.  details: the turns that did not."""
    outcomes = [int(one.route == turn.route) for turn, one in held.turns]
    wrong = [{"query": turn.standalone, "expected": turn.route, "route": one.route, "reason": one.told["reason"]}
             for (turn, one), right in zip(held.turns, outcomes, strict=True) if not right]
    return _proportion("scenario_routing", held, outcomes, {"wrong": wrong})


def kept_on_the_device(held: Talk) -> Proportion:
    """1 a turn that the device answered."""
    return _proportion("scenario_edge_share", held, [int(one.route == LOCAL) for _, one in held.turns], {})


def understood(held: Talk) -> Proportion:
    """1 a turn with a conversation before it whose standalone question is what the scenario says, word for word."""
    leaning = [(turn, one) for turn, one in held.turns if "rewrite" in one.told["ms"]]
    outcomes = [int(one.told["query"] == turn.standalone) for turn, one in leaning]
    return Proportion("scenario_rewriting", "proportion", held.artifacts, _without_machine(held), {}, "", outcomes,
                      [turn.standalone for turn, _ in leaning])


def _proportion(metric: str, held: Talk, outcomes: list[int], details: dict[str, Any]) -> Proportion:
    items = [turn.standalone for turn, _ in held.turns]
    return Proportion(metric, "proportion", held.artifacts, _without_machine(held), details, "", outcomes, items)


def _without_machine(held: Talk) -> dict[str, Any]:
    """Where a question goes does not depend on the machine's state."""
    return {name: value for name, value in held.conditions.items() if name not in ("machine", "attempts")}
