"""``settled`` says when a sample is enough: every claim it is asked about passes or fails on it."""

import yaml

TESTS = """
from pipeline.errors import EdgeError

def test_it(settled):
    either, both = settled("toy.accuracy"), settled("toy.accuracy", "toy.strict")
    assert [either(answers(right, 1000)) for right in (980, 900, 850)] == [True, False, True]
    assert [both(answers(right, 1000)) for right in (999, 980, 970, 850)] == [True, False, True, True]
    with pytest.raises(EdgeError, match="toy.unheard"):
        settled("toy.unheard")
"""


def test_a_sample_is_settled_when_every_claim_passes_or_fails(suite, pytester):
    file = pytester.path / "thresholds.yaml"
    thresholds = yaml.safe_load(file.read_text())
    thresholds["claims"]["toy.strict"] = {**thresholds["claims"]["toy.other"], "target": 0.98}
    file.write_text(yaml.safe_dump(thresholds, allow_unicode=True))
    result = suite(TESTS)
    assert result.ret == 0, result.stdout.str()
