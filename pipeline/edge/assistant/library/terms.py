"""Text as search terms, without a dictionary: words and numbers of other scripts, overlapping pairs of Chinese characters.

As Lucene's CJK analyser does it.  The last character of a run is a term of its own, so that a prefix of one character finds
it wherever it stands.
"""

from __future__ import annotations

import re
import unicodedata
from operator import add

LONGEST = 40  # characters of a word; what is longer is no word
_HAN = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_RUN = re.compile(rf"([{_HAN}]+)|[^\W_{_HAN}]+")


def normal(text: str) -> str:
    """As it is compared: full-width forms as half-width, lower case, lone surrogates (no text) left out."""
    return unicodedata.normalize("NFKC", text).lower().encode("utf-8", "ignore").decode("utf-8")


def terms(text: str) -> set[str]:
    """What a text is found by."""
    found: set[str] = set()
    for run in _RUN.finditer(normal(text)):
        word = run[0]
        if run[1]:
            found.update(map(add, word, word[1:]))
            found.add(word[-1])
        else:
            found.add(word[:LONGEST])
    return found


def asked_terms(text: str) -> list[str]:
    """What a question searches for, in its order and once each: words and pairs; single characters where there is no other."""
    runs = [(run[0], bool(run[1])) for run in _RUN.finditer(normal(text))]
    found = [pair for word, han in runs for pair in (map(add, word, word[1:]) if han else [word[:LONGEST]])]
    return list(dict.fromkeys(found or [word for word, _ in runs]))
