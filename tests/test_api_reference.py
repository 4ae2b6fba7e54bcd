"""`make api`: what one calls from Python is in the reference, with what it says of itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pdoc import doc, render

MAKEFILE = Path(__file__).parents[1] / "Makefile"
CALLED = {"pipeline.quantize": ("quantize", "QuantizationConfig"), "pipeline.precision": ("compare", "texts"),
          "pipeline.formats.parquet": ("to_parquet", "to_directory", "WeightLoader", "is_parquet")}


@pytest.mark.parametrize("name", CALLED)
def test_the_reference_has_what_is_called(name):
    module = doc.Module.from_name(name)
    page = render.html_module(module, all_modules={name: module})
    for member in CALLED[name]:
        assert module.members[member].docstring and f'id="{member}"' in page


def test_make_api_writes_the_pages_of_these():
    line = re.search(r"-m pdoc .*", MAKEFILE.read_text())[0]
    assert set(CALLED) <= set(line.split())
