"""A recommendation holds where it passes what others pass and dominates one of them."""

from __future__ import annotations

import pytest

from pipeline.search.confirm import ASKED, Confirmed, missed
from pipeline.search.dominance import Comparison
from pipeline.verdict.judge import Verdict
from tests.search.drawing import thresholds

CLAIMS = thresholds().claims
SIZE, LOSS, FAST = "compression.size", "compression.accuracy_loss", "edge_200mb.p95"
BETTER, LEVEL = Comparison("int8", "better", "equal", "equal"), Comparison("int8", "equal", "equal", "equal")


def verdicts(size: str, loss: str, fast: str = "pass") -> dict[str, Verdict]:
    return {name: Verdict(state, "") for name, state in ((SIZE, size), (LOSS, loss), (FAST, fast))}


@pytest.mark.parametrize(("mine", "others", "expected"), [
    (("pass", "pass"), [("pass", "pass")], []),
    (("pass", "inconclusive"), [("pass", "pass")], [LOSS]),
    (("fail", "invalid"), [("pass", "fail"), ("fail", "pass")], [SIZE, LOSS]),
    (("fail", "pass"), [("fail", "pass"), ("invalid", "fail")], []),
    (("pass", "pass", "fail"), [("pass", "pass", "pass")], []),  # of time the table tells, for it is asked of no search
    (("fail", "pass"), [], []),
])
def test_what_another_passes_is_asked(mine: tuple, others: list[tuple], expected: list[str]) -> None:
    assert missed(verdicts(*mine), *(verdicts(*one) for one in others), claims=CLAIMS) == expected


@pytest.mark.parametrize(("lacks", "beside", "holds"), [
    ([], [LEVEL, BETTER], True), ([], [LEVEL], False), ([], [], False), ([SIZE], [BETTER], False)])
def test_it_holds_by_both(lacks: list[str], beside: list[Comparison], holds: bool) -> None:
    found = Confirmed("it", {"it": verdicts("pass", "pass")}, lacks, beside)
    assert found.holds == holds == found.to_json()["holds"]


def test_claims_on_size_memory_and_loss_are_there() -> None:
    phase = {target.metric for target in CLAIMS.values() if target.phase == "10 compression"}
    assert set(ASKED) <= phase
