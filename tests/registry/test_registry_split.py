"""The split of an A/B test, and what the outcomes say."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import EdgeError
from pipeline.registry.outcomes import GO_ON, STAYS, WINS, decide, read_outcomes
from pipeline.registry.split import ARMS, experiment_of, is_treated

SHARES = st.floats(0.001, 0.999)


@given(st.text(), st.text(), SHARES, SHARES)
def test_a_larger_share_takes_nobody_away(experiment, unit, one, other):
    small, large = sorted((one, other))
    assert is_treated(experiment, unit, large) or not is_treated(experiment, unit, small)


def test_the_split_is_the_same_on_every_day():
    treated = [number for number in range(20) if is_treated("small/1/2", f"user{number}", 0.3)]
    assert treated == [2, 3, 6, 8, 10, 14, 15, 16, 19]


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_the_share_is_kept_and_experiments_are_independent(share):
    units = [f"user {number}" for number in range(10_000)]
    one, other = ([is_treated(name, unit, share) for unit in units] for name in (experiment_of("m", 1, 2), experiment_of("m", 1, 3)))
    both = sum(a and b for a, b in zip(one, other, strict=True))
    assert sum(one) == pytest.approx(share * 1e4, abs=250) and both == pytest.approx(share ** 2 * 1e4, abs=250)


def write(path, good, share=0.5, n=3000, seed=0, **more):
    """Outcomes of users who got what the split gave them; good: the chance of a good one by arm."""
    chance = random.Random(seed)
    units = [f"u{number}" for number in range(n)]
    lines = [{"unit": unit, "outcome": int(chance.random() < good[is_treated("e", unit, share)]), **more} for unit in units]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


@pytest.mark.parametrize(("good", "gain", "at_most", "decision"), [
    ((0.7, 0.9), 0.0, None, WINS), ((0.9, 0.7), 0.0, None, STAYS), ((0.8, 0.8), 0.0, None, GO_ON), ((0.8, 0.8), 0.0, 3000, STAYS),
    ((0.8, 0.8), -0.1, None, WINS), ((0.8, 0.8), 0.1, None, STAYS), ((0.7, 0.9), 0.0, 20, STAYS),
])
def test_what_to_do(good, gain, at_most, decision, tmp_path):
    outcomes = read_outcomes(write(tmp_path / "o.jsonl", good), "e", 0.5)
    look = decide(outcomes, 0.5, gain, 0.95, at_most)
    assert look.decision == decision and sum(look.units) == (at_most or 3000)
    assert look.bounds.lower < look.means[1] - look.means[0] < look.bounds.upper


def test_without_outcomes_it_goes_on():
    assert decide([], 0.5, 0.0, 0.95).decision == GO_ON


@pytest.mark.parametrize(("lines", "said"), [
    ("", "found an empty file"), ("{", "found broken JSON"), ("[1]", "expected a JSON object"), ("{}", "expected a `unit`"),
    ('{"unit": 7, "outcome": 1}', "expected a `unit`, the user or request as text, found 7"),
    ('{"unit": "u"}', "expected an `outcome` between 0 (bad) and 1 (good), found None"),
    ('{"unit": "u", "outcome": 1.1}', "found 1.1; scale it"), ('{"unit": "u", "outcome": NaN}', "not finite"),
    ('{"unit": "u", "outcome": "1"}', "found '1'; scale it"), ('{"unit": "u", "outcome": -1}', "found -1; scale it"),
    ('{"unit": "u", "outcome": 1}\n{"unit": "u", "outcome": 0}', "o.jsonl:2: expected one outcome a unit, found 'u' in line 1 too"),
    ('{"unit": "u", "outcome": 1, "arm": "X"}', "found 'X'; route by the split, or name the share that was used"),
    ('{"unit": "u", "outcome": 1, "arm": 3}', "expected `arm` to be champion or challenger"),
])
def test_outcomes_of_no_use_are_told_by_line(lines, said, tmp_path):
    (tmp_path / "o.jsonl").write_text(lines)
    with pytest.raises(EdgeError) as error:
        read_outcomes(tmp_path / "o.jsonl", "e", 0.5)
    assert said in str(error.value)


def test_an_arm_that_the_split_did_not_give_is_refused(tmp_path):
    """Users who chose for themselves, or another share, would bias the test."""
    write(tmp_path / "o.jsonl", (0.5, 0.5), n=50, arm="challenger")
    with pytest.raises(EdgeError, match="to have had the champion, as the split of e at share 0.5 says, found 'challenger'"):
        read_outcomes(tmp_path / "o.jsonl", "e", 0.5)
    told = [{"unit": f"u{n}", "outcome": True, "arm": ARMS[is_treated("e", f"u{n}", 0.5)]} for n in range(50)]
    (tmp_path / "o.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in told))
    assert len(read_outcomes(tmp_path / "o.jsonl", "e", 0.5)) == 50
