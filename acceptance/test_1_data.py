"""Phase 1: the data parses, is balanced, and nothing leaks between the splits."""

import pytest

from pipeline.measure.data_findings import data_findings


@pytest.mark.claim("data.valid")
def test_data_is_valid(check, intent_data):
    check(data_findings(intent_data))
