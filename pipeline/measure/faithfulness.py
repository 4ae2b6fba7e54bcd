"""Whether an answer says anything that its facts do not: every number and every file name in it must stand in one of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction

from pipeline.edge.assistant.reply import Reply
from pipeline.edge.tools.numerals import number
from pipeline.errors import EdgeError
from pipeline.measure.measurement import Exact

SHOWN = 50
_FILE = re.compile(r"[^\s/\\:，。、；,;()《》〈〉「」“”\"'‘’【】\[\]]+"
                   r"\.(?:pdf|pptx?|docx?|md|markdown|txt|xlsx?|zip|html?|ipynb)(?![A-Za-z0-9])", re.IGNORECASE)
_NUMERAL = "[零〇一二两三四五六七八九十百千万]"
_COUNTED = "章|节|页|张|份|道|题|次|天|周|月|年|日|号|小时|分钟|秒|篇|层|成|度|星"
# Digits; what counts or orders something in Chinese, but a lone 一, as in 一次 and 一天, which is an article as often.
_NUMBER = re.compile(rf"\d+(?:\.\d+)?|(?<=第){_NUMERAL}+|(?!一(?:{_COUNTED})){_NUMERAL}+(?={_COUNTED})")


def unfaithful(replies: Sequence[Reply]) -> Exact:
    """How many numbers and file names in the texts stand in none of their reply's facts.

    details: ``replies`` and ``named`` (numbers and names looked at), ``strangers`` (the first 50, each with its text).  EdgeError where
    there was nothing to look at: that is no faithfulness.
    """
    named = sum(len(_named(reply.text)) for reply in replies)
    if not named:
        raise EdgeError(f"expected answers with numbers or file names in them, found none in {len(replies)}; ask what files, record or "
                        "cards can answer")
    found = [{"stranger": stranger, "text": reply.text} for reply in replies for stranger in strangers(reply)]
    details = {"replies": len(replies), "named": named, "strangers": found[:SHOWN]}
    return Exact("unfaithful", "count", details=details, value=float(len(found)))


def strangers(reply: Reply) -> list[str]:
    """The numbers and file names of the text that no fact has.

    Numbers are compared by value, so 第三章 stands in 第03章; a name must be whole, spaces and all, as a path among the facts ends.
    """
    facts = [_plain(fact) for fact in reply.facts]
    paths = {fact for fact in facts if (names := _FILE.findall(fact)) and fact.endswith(names[-1])}
    said = {name for fact in facts if fact not in paths for name in _FILE.findall(fact)}
    known = {*paths, *(path.rpartition("/")[2] for path in paths), *said}
    text = _plain(reply.text)
    if known:
        text = re.sub(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(known, key=len, reverse=True)))})", " ", text)
    values = {value for fact in facts for value in map(_value, _NUMBER.findall(fact))}
    return [*_FILE.findall(text), *(name for name in _NUMBER.findall(_FILE.sub(" ", text)) if _value(name) not in values)]


def _named(text: str) -> list[str]:
    plain = _plain(text)
    return [*_FILE.findall(plain), *_NUMBER.findall(_FILE.sub(" ", plain))]


def _value(written: str) -> Fraction | str:
    return number(written) if number(written) is not None else written


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
