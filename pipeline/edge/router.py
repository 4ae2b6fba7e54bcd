"""Device or cloud: the documented rules and the model's calibrated decision, alone or together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from pipeline.data.intents import Intent, by_name
from pipeline.edge.rules import Asked, documented_rules
from pipeline.errors import EdgeError
from pipeline.runtime.decision import CLOUD, LOCAL

Mode = Literal["rules", "model", "combined"]


class Decided(Protocol):
    """What a router reads of a decision."""

    @property
    def intent(self) -> str: ...
    @property
    def confidence(self) -> float: ...
    @property
    def route(self) -> str: ...


@dataclass(frozen=True)
class Routed:
    """Where a query goes and why.

    reason: the rule that sent it to the cloud ("keyword", "length", "requires_reasoning", "previous_failed"); the model's
    "intent" (one of the cloud's), "unsure" (one of the device's, below the threshold) or "sure"; "no_rule" in mode rules.
    """

    route: str
    reason: str


def rule_of(asked: Asked) -> str | None:
    """The name of the documented rule that sends the query to the cloud; None when none does."""
    return documented_rules().of(asked)


def route(asked: Asked, decision: Decided, mode: Mode = "combined") -> Routed:
    """Where the query goes.

    mode: "rules" asks the rules alone and keeps the rest on the device, "model" takes the decision's route alone, and
    "combined" follows a rule that fires and the decision otherwise.  EdgeError for another mode.
    """
    if mode not in get_args(Mode):
        raise EdgeError(f"expected the router's mode {', '.join(get_args(Mode))}, found {mode!r}; correct it")
    rule = None if mode == "model" else rule_of(asked)
    if rule:
        return Routed(CLOUD, rule)
    return Routed(LOCAL, "no_rule") if mode == "rules" else Routed(decision.route, _reason(decision))


def _reason(decision: Decided) -> str:
    if decision.route == LOCAL:
        return "sure"
    return "unsure" if by_name(decision.intent).route == LOCAL else "intent"


def device_score(decision: Decided, intent: Callable[[str], Intent] = by_name) -> float:
    """How surely the device answers, in [-1, 1]: the confidence in an intent of the device, less than 0 for one of the cloud.

    intent: finds one by its name, where it is not of the six.
    The model keeps a query exactly when its score is at least the confidence threshold.
    """
    return decision.confidence if intent(decision.intent).route == LOCAL else -decision.confidence
