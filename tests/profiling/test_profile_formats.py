"""Formats that no library times, of the reference profile's own model: the folder's tiny one is in no store."""

from __future__ import annotations

import pytest

from fixtures.artifacts import merged
from pipeline.profiling.take import take

__all__ = ["merged"]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "type_"), [("litert-int8", "int8"), ("coreml-int8", "fp16")])
def test_what_no_library_times_is_told_as_an_estimate(name: str, type_: str, in_format) -> None:
    told = take(in_format(name).model, 1, 32, 2, 1)
    products = [one for one in told["operators"] if one["macs"]]
    assert told["estimated"] and {one["seconds"] for one in told["operators"]} == {0.0}
    assert sum(one["macs"] for one in products) > 50e6 and any(one["type"] == type_ for one in products)
