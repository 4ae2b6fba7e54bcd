"""The examples as they are called, in this process, which has the libraries loaded."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "quantize"


@pytest.fixture
def example(monkeypatch, tmp_path, capsys):
    """What one printed, on both streams."""
    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return "".join(capsys.readouterr())

    monkeypatch.setenv("EDGE_STORE", str(tmp_path / "store"))
    return run


def test_basic(example, merged, tmp_path):
    assert example("basic.py", merged, tmp_path / "out").strip() == str(tmp_path / "out")


def test_advanced(example, merged, tmp_path):
    (texts := tmp_path / "texts.txt").write_text("今天天气怎么样\n现在几点了\n")
    assert "{'quantised': 7, 'kept': 17}" in example("advanced.py", merged, texts, tmp_path / "out")


def test_batch(example, merged, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        example("batch.py", merged, tmp_path / "out", "fp8-dynamic", "int4-rtn", "int3")
    out, err = capsys.readouterr()
    assert ended.value.code == 1 and [line.split()[0] for line in out.splitlines()] == ["fp8-dynamic", "int4-rtn"]
    assert "expected one of fp8-static" in err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["fp8-dynamic", "int4-rtn"]
