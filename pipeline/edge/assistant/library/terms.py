"""Text as search terms, without a dictionary: words and numbers of other scripts, Chinese characters and overlapping pairs of them.

As Lucene's CJK analyser does it with single characters on.  A word with the character behind it is a term as well, for B树 and PN结.
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
            found.update(han)
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
