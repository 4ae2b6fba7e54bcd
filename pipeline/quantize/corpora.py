"""Well-known texts by name, from a hub where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from pipeline.errors import EdgeError
from pipeline.quiet import quiet

CORPORA = {"wikitext": ("Salesforce/wikitext", "wikitext-2-raw-v1"), "c4": ("allenai/c4", "en")}
SHORTEST = 200
"""Characters: headings and empty lines are left out."""


def corpus(name: str, count: int) -> Iterator[str]:
    """The first ``count`` texts of its training split that are no headings; EdgeError where there is no hub."""
    path, part = CORPORA[name]
    try:
        with quiet():
            from datasets import load_dataset

            rows = load_dataset(path, part, split="train", streaming=True)
            yield from islice((row["text"] for row in rows if len(row["text"]) >= SHORTEST), count)
    except Exception as error:  # datasets, the hub's client and its transport each raise their own kinds
        reason = " ".join(str(error).split()) or type(error).__name__
        raise EdgeError(f"{name}: expected the data set {path} from a hub, found {reason:.200}; give a text file in its place") from None
