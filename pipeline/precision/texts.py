"""The texts that models are compared on: a file's, or a public data set's by its name."""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass
from pathlib import Path

from pipeline.environment import UnavailableError
from pipeline.errors import EdgeError, told
from pipeline.quiet import quiet
from pipeline.regular_file import check_regular_file
from pipeline.runtime.prompt import read_tokenizer

FIELDS = ("text", "query", "prompt", "content", "question", "input")
HUB = {"wikitext": {"path": "Salesforce/wikitext", "name": "wikitext-2-raw-v1", "split": "test"},
       "c4": {"path": "allenai/c4", "data_files": {"validation": "en/c4-validation.00000-of-00008.json.gz"}, "split": "validation"}}
"""What `datasets` is asked for, by the name that a data set goes by."""
LARGEST = 1 << 28  # bytes of a file of texts
SEED = 42


@dataclass(frozen=True)
class Texts:
    """Texts that do not depend on each other, and where they are from."""

    name: str
    documents: tuple[str, ...]

    def some(self, most: int | None) -> Texts:
        """At most ``most`` of them, always the same ones, in their order."""
        if most is None or len(self.documents) <= most:
            return self
        chosen = sorted(random.Random(SEED).sample(range(len(self.documents)), most))
        return Texts(self.name, tuple(self.documents[place] for place in chosen))

    def encoded(self, model: Path, longest: int | None = None) -> list[list[int]]:
        """Token ids of each text by the model's tokenizer, cut to ``longest``; those without a token to predict are left out."""
        tokenizer = read_tokenizer(model)
        ids = [list(one.ids)[:longest] for one in tokenizer.encode_batch(list(self.documents), add_special_tokens=False)]
        if not (kept := [one for one in ids if len(one) > 1]):
            raise EdgeError(f"{self.name}: expected texts of at least two tokens, found none; give longer ones")
        return kept


def texts(source: str) -> Texts:
    """The texts of a file or of a data set of `HUB`.

    A .jsonl has one a line, in the first of `FIELDS` that is there, or as a bare string; in any other file they are parted by blank
    lines.  EdgeError for a file of no use, UnavailableError for a data set that cannot be had here.
    """
    return _of_hub(source) if source in HUB else read_texts(Path(source))


def read_texts(file: Path) -> Texts:
    """The texts of a file; EdgeError where it is missing, too large, not UTF-8 or without a text."""
    try:
        check_regular_file(file, f"texts: a file, or {' or '.join(HUB)}")
        if (size := file.stat().st_size) > LARGEST:
            raise EdgeError(f"{file}: expected at most {LARGEST >> 20} MiB of texts, found {size >> 20}; cut it")
        content = file.read_bytes().decode("utf-8")
    except OSError as error:
        raise EdgeError(f"expected a file of texts, found {told(error)}; check the path") from None
    except UnicodeDecodeError as error:
        raise EdgeError(f"{file}: expected texts in UTF-8, found byte {error.start} that is not; save it as UTF-8") from None
    found = _of_lines(file, content) if file.suffix == ".jsonl" else _of_blocks(content)
    if not found:
        raise EdgeError(f"{file}: expected at least one text, found none; give a file with some")
    return Texts(file.name, tuple(found))


def _of_lines(file: Path, content: str) -> list[str]:
    found = []
    for number, line in enumerate(content.splitlines(), start=1):
        if line.strip():
            try:
                entry = json.loads(line)
            except ValueError as error:
                raise EdgeError(f"{file}:{number}: expected one JSON text or object a line, found {error}; mend the line") from None
            text = entry if isinstance(entry, str) else next((entry[name] for name in FIELDS if name in entry), None) \
                if isinstance(entry, dict) else None
            if not isinstance(text, str):
                raise EdgeError(f"{file}:{number}: expected a text, or an object with one of {', '.join(FIELDS)}, found {line[:60]!r}")
            found += [text] if text.strip() else []
    return found


def _of_blocks(content: str) -> list[str]:
    """What blank lines part; a line of spaces is one."""
    blocks: list[list[str]] = [[]]
    for line in content.splitlines():
        if line.strip():
            blocks[-1].append(line.strip())
        elif blocks[-1]:
            blocks.append([])
    return ["\n".join(block) for block in blocks if block]


def _of_hub(name: str) -> Texts:
    offline = next((flag for flag in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE") if os.environ.get(flag) not in (None, "", "0")), None)
    if offline:
        raise UnavailableError(f"{name} is read from a hub, and {offline} is set; unset it, or give a file of texts")
    try:
        with quiet():
            from datasets import DownloadConfig, load_dataset

            rows = load_dataset(**HUB[name], download_config=DownloadConfig(max_retries=0))["text"]
    except Exception as error:  # the hub, the network and `datasets` raise kinds of their own
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UnavailableError(f"{name} is read from a hub, which cannot be reached: {reason:.160}; give a file of texts") from None
    return Texts(name, tuple(_of_blocks("\n".join(rows))) if name == "wikitext" else tuple(rows))
