"""Each way of claiming less in thresholds.yaml is caught, unless a reason newer than the change says why."""

import pytest

from tests.ratchet.conftest import BASELINE, GATE, KEPT, NAME


def test_what_is_the_same_is_green_and_says_what_was_compared(project, gate):
    code, (line,) = gate()
    assert code == 0
    commit = project.git("rev-parse", "main")[:10]
    assert line.startswith("green: thresholds.yaml with 2 claims, baselines (1) and no record of a run") and f"main ({commit})" in line


LOOSER = [
    ({"target": 0.85}, "a.rate: target 0.9 -> 0.85"),
    ({"smallest_n": 100}, "a.rate: smallest_n 500 -> 100"),
    ({"tolerance": "2%"}, "a.rate: tolerance 0.02 -> 2%"),
    ({"host": "m4"}, "a.rate: host any -> m4"),
    ({"metric": "agreement"}, "a.rate: metric accuracy -> agreement"),
]


@pytest.mark.parametrize(("change", "words"), LOOSER)
@pytest.mark.parametrize("committed", [True, False], ids=["committed", "in the working tree"])
def test_loosening_is_caught_and_a_reason_written_with_it_speaks_for_it(project, gate, change, words, committed):
    project.thresholds(**change)
    if committed:
        project.commit()
    code, (line,) = gate()
    assert code == 1 and line.startswith(f"loosened thresholds.yaml: {words}; write why") and "`reason:`" in line
    project.thresholds(**change, reason="2026-11: so few queries are left")
    assert gate()[0] == 0


@pytest.mark.parametrize(("change", "words"), [
    ({"gate": {**GATE, "red": ["fail", "inconclusive"]}}, "gate: invalid is no longer red"),
    ({"gate": {**GATE, "regression_confidence": 0.999}}, "gate: regression_confidence 0.99 -> 0.999"),
    ({"confidence": 0.9}, "a.rate: confidence 0.95 -> 0.9"),
    ({"without": ["a.rate"]}, "a.rate: the claim is gone"),
])
def test_what_holds_for_the_whole_file_is_caught(project, gate, change, words):
    project.thresholds(**change)
    code, lines = gate()
    assert code == 1 and words in lines[0]


def test_tightening_and_new_claims_are_free(project, gate):
    project.thresholds(without=["b.rate"], dropped={"b.rate": "said by a.rate"}, gate={**GATE, "red": [*GATE["red"], "not_measured"]},
                       target=0.95, smallest_n=900, tolerance=0.01, title="right more often")
    assert gate()[0] == 0


def test_a_reason_that_is_older_than_the_change_does_not_speak_for_it(project, gate):
    project.thresholds(reason="2026-10: looser then")
    project.commit()
    project.git("branch", "--force", "main")
    project.thresholds(reason="2026-10: looser then", target=0.85)
    assert gate()[0] == 1
    project.commit()
    assert gate()[0] == 1
    project.thresholds(reason="2026-11: looser again", target=0.85)
    assert gate()[0] == 0


def test_on_the_way_only_the_last_loosening_counts_and_a_reason_before_it_does_not(project, gate):
    for reason in ("a draft", "in advance"):
        project.thresholds(reason=reason)
        project.commit()
    project.thresholds(reason="in advance", target=0.85)
    project.commit()
    assert gate()[0] == 1
    project.thresholds(reason="afterwards", target=0.85)
    project.commit()
    project.write("other", "x")
    project.commit()
    assert gate()[0] == 0


def test_what_was_loosened_and_brought_back_is_fine(project, gate):
    for target in (0.5, 0.9):
        project.thresholds(target=target)
        project.commit()
    assert gate()[0] == 0


def test_a_version_on_the_way_that_could_not_be_run_is_left_out(project, gate):
    project.thresholds(reason="in advance")
    project.commit()
    project.write("thresholds.yaml", "claims: [")
    project.commit()
    project.git("rm", "--quiet", "thresholds.yaml")
    project.commit()
    project.thresholds(reason="in advance", target=0.85)
    assert gate()[0] == 1


def test_a_dropped_claim_with_its_reason_is_owed_nowhere(project, gate):
    project.thresholds(without=["b.rate"], dropped={"b.rate": "2026-11: said by a.rate"})
    project.write(NAME, {**BASELINE, "claims": {"a.rate": KEPT}})
    project.record(without=["b.rate"])
    assert gate()[0] == 0


def test_loosening_on_the_other_side_since_the_branches_parted_is_not_ours(project, gate):
    project.git("switch", "--quiet", "main")
    project.thresholds(target=0.95)
    project.commit()
    project.git("switch", "--quiet", "work")
    assert gate()[0] == 0
