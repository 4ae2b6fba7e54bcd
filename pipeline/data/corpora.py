"""Well-known texts by name, from a hub where there is one: the training split to calibrate by, the other to compare on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from typing import Any, Literal

from pipeline.environment import UnavailableError
from pipeline.quiet import quiet

CORPORA: dict[str, dict[str, Any]] = {
    "wikitext": {"train": {"path": "Salesforce/wikitext", "name": "wikitext-2-raw-v1", "split": "train"},
                 "held out": {"path": "Salesforce/wikitext", "name": "wikitext-2-raw-v1", "split": "test"}},
    "c4": {"train": {"path": "allenai/c4", "name": "en", "split": "train"},
           "held out": {"path": "allenai/c4", "data_files": {"validation": "en/c4-validation.00000-of-00008.json.gz"},
                        "split": "validation"}},
}
"""What `datasets` is asked for, by a data set's name and part."""
RUNNING = frozenset({"wikitext"})
"""Those whose rows are lines of a running text, not texts."""


def corpus(name: str, part: Literal["train", "held out"], most: int | None = None, shortest: int = 0) -> Iterator[str]:
    """The rows of a data set of `CORPORA` that have ``shortest`` characters, at most ``most``; UnavailableError where there is no hub."""
    asked = CORPORA[name][part]
    offline = next((flag for flag in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE") if os.environ.get(flag) not in (None, "", "0")), None)
    if offline:
        raise UnavailableError(f"{name} is read from a hub ({asked['path']}), and {offline} is set; unset it, or give a file of texts")
    try:
        with quiet():
            from datasets import DownloadConfig, load_dataset

            rows = load_dataset(**asked, streaming=True, download_config=DownloadConfig(max_retries=0))
            yield from islice((row["text"] for row in rows if len(row["text"]) >= shortest), most)
    except Exception as error:  # the hub, the network and `datasets` raise kinds of their own
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UnavailableError(f"{name} is read from a hub ({asked['path']}), which cannot be reached: {reason:.160}; "
                               "give a file of texts") from None
