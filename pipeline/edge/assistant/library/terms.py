"""Text as search terms, without a dictionary: words and numbers of other scripts, overlapping pairs of Chinese characters.

As Lucene's CJK analyser does it.  The last character of a run is a term of its own, so that a prefix of one character finds
it wherever it stands; a word with the character behind it is one as well, for B树 and PN结.
"""

from __future__ import annotations

import re
import unicodedata
from operator import add

LONGEST = 40  # characters of a word; what is longer is no word
_HAN = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_RUN = re.compile(rf"([{_HAN}]+)|([^\W_{_HAN}]+)(?=([{_HAN}])?)")


def normal(text: str) -> str:
    """As it is compared: full-width forms as half-width, lower case, lone surrogates (no text) left out."""
    return unicodedata.normalize("NFKC", text).lower().encode("utf-8", "ignore").decode("utf-8")


def terms(text: str) -> set[str]:
    """What a text is found by."""
    found: set[str] = set()
    for run in _RUN.finditer(normal(text)):
        if han := run[1]:
            found.update(map(add, han, han[1:]))
            found.add(han[-1])
        else:
            found.update(_of_word(run))
    return found


def asked_terms(text: str) -> list[str]:
    """What a question searches for, in its order and once each: words and pairs; single characters where there is no other."""
    runs = list(_RUN.finditer(normal(text)))
    found = [term for run in runs for term in (map(add, run[1], run[1][1:]) if run[1] else _of_word(run))]
    return list(dict.fromkeys(found or [run[0] for run in runs]))


def _of_word(run: re.Match[str]) -> list[str]:
    word = run[2][:LONGEST]
    return [word, word + run[3]] if run[3] and word == run[2] else [word]
