"""Phase 1: the data parses, is balanced, nothing leaks between the splits, and nothing is lost between formats."""

import pytest

from pipeline.measure.conversion import conversion_losses
from pipeline.measure.data_findings import data_findings


@pytest.mark.claim("data.valid")
def test_data_is_valid(check, intent_data):
    check(data_findings(intent_data))


@pytest.mark.claim("data.converted")
def test_data_is_the_same_in_every_format(check, intent_data, profile):
    check(conversion_losses(intent_data, profile.prompt.system))
