"""``python -m benchmarks.parquet.worker FORM ACTION SOURCE PATH [NAME]``: one action in a process of its own, told as JSON.

write  the model directory SOURCE into PATH
all    every tensor of PATH into torch, each page of it touched
one    the tensor NAME of PATH, each page of it touched, from opening the file on
seconds: of the action, imports not counted.  peak, before: MB of resident set, the largest at the end and when the libraries were there;
pages of mapped files that were touched count.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.parquet.forms import FORMS
from pipeline.measure.resident import resident


def main() -> int:
    form, action, source, path, *name = sys.argv[1:]
    subject = FORMS[form]()
    _import(form, action)
    before, started = resident()["peak_rss"], time.perf_counter()
    if action == "write":
        subject.write(Path(source), Path(path))
    elif action == "all":
        for tensor in subject.all(Path(path)):
            _touch(tensor)
    else:
        _touch(subject.one(Path(path), *name))
    print(json.dumps({"seconds": time.perf_counter() - started, "peak": resident()["peak_rss"], "before": before}))
    return 0


def _touch(tensor: Any) -> int:
    import torch

    return int(tensor.view(-1).view(torch.uint8)[::4096].sum())


def _import(form: str, action: str) -> None:
    """What the action needs of libraries: ours needs no torch to write."""
    if form != "safetensors":
        import pyarrow.parquet  # noqa: F401

        from pipeline.formats.parquet import convert, loader  # noqa: F401
    if action != "write" or form not in ("none", "zstd"):
        import torch

        torch.ones(1).view(torch.uint8).sum()


if __name__ == "__main__":
    sys.exit(main())
