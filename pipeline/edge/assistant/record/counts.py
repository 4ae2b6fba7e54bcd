"""How many exercises, and how many of them right, as a student says it: 做了10道错了3道, 8对2错, 20题对15, 全对, 18/20."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from pipeline.edge.assistant.record.durations import NUMERAL
from pipeline.edge.assistant.record.topic import ANCHOR
from pipeline.edge.tools.numerals import number

_OF = r"(?:道题目?|道|个题目?|题|个)?"
_WRONGLY = ("(?:(?:做|答|写|搞)?错误?(?:了|的|掉)?|翻车了?|失误|做崩了?|挂了?|丢了?|扣了?|没(?:能)?(?:做|答|写)?(?:出来|对|上来)|"
            "(?:做|答)?不(?:对|出来)|不会(?:做|的)?)(?!率)")
_RIGHTLY = "(?<![没不])(?:做|答|写)?(?<![没不])(?:对(?![称数偶角流])|正确|拿下|会做|OK|ok)(?:了|的)?(?!率)"


def _behind(word: str, other: str) -> re.Pattern[str]:
    """对8 of 对8错2, and not 对2 of 8道对，2道错: a number that has a word of its own behind it belongs to that."""
    return re.compile(rf"{word}\s*[有是]?\s*(?P<count>(?>{NUMERAL}))(?!\s*{_OF}{other}){_OF}")


def _before(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?P<count>{NUMERAL})\s*{_OF}[是都全]?{word}")


_WRONG, _RIGHT = (_behind(_WRONGLY, _RIGHTLY), _before(_WRONGLY)), (_behind(_RIGHTLY, _WRONGLY), _before(_RIGHTLY))
_TOTAL = re.compile(rf"(?:一共|总共|共)?(?<!第)(?P<count>{NUMERAL})\s*[来多]?(?:道|个?题|个练习|个习题)")
_TOTAL_ALONE = re.compile(rf"(?:[做刷答]题|[做刷答写]了|一共|总共)\s*(?P<count>(?>{NUMERAL}))(?!\s*(?:小时|[分个章天次遍刻节点]))")
# 十题中七 and 10对9: so many of so many.
_OF_THEM = re.compile(rf"(?P<total>{NUMERAL})\s*{_OF}[中里对]了?\s*(?P<right>(?>{NUMERAL}))(?!\s*{_OF}(?:{_WRONGLY}|{_RIGHTLY}))[道题个]?")
_ALL = "(?:全部?|都|全都)(?:做|答|写)?"
_ALL_RIGHT = re.compile(f"{_ALL}(?:对|正确)|没有?(?:做|答)?错|满分|零失误|零错误|无错|全过|一道都?没错|无一错")
_SOME_RIGHT = re.compile(rf"{NUMERAL}{_OF}[都全](?:做|答)?(?:对|正确)")
_ALL_WRONG = re.compile(f"{_ALL}(?:错|不对|没对)|一[道个]都?没(?:做|答)?对|全军覆没|全挂")
_HALF = re.compile("[对错]了?一半|一半(?:做|答)?[对错]|一半是?[对错]")
_SHARE = re.compile(rf"(?:正确率|对了)\s*(?:是|为|有|大概|大约|差不多)?\s*(?:(?P<percent>\d+(?:\.\d+)?)\s*%|"
                    rf"百分之(?P<hundredths>{NUMERAL})|(?P<tenths>{NUMERAL})成)")
_FRACTION = re.compile(r"(?<![\d.])(?P<right>\d{1,6})\s*[/／]\s*(?P<total>\d{1,6})(?![\d.])")


@dataclass(frozen=True)
class Counts:
    """Exercises done and right; None: not said.  ``rest``: the text with an `ANCHOR` for each thing that was said of them."""

    total: int | None
    right: int | None
    rest: str


def counts_in(text: str) -> Counts:
    """How many exercises were done, and how many of them right."""
    if found := _FRACTION.search(text):
        return Counts(int(found["total"]), int(found["right"]), _FRACTION.sub(ANCHOR, text))
    if (found := _OF_THEM.search(text)) and (pair := _pair(found)):
        return Counts(*pair, _OF_THEM.sub(ANCHOR, text, count=1))
    parts = _Parts(text)
    share, half, none = (parts.take(pattern) for pattern in (_SHARE, _HALF, _ALL_WRONG))
    of_some = len(_TOTAL.findall(text)) > 1 and _SOME_RIGHT.search(text)  # in 做了12道，11道都对 it is those 11 that are all right
    all_of_them = None if of_some else parts.take(_ALL_RIGHT)
    wrong, right = parts.take(_WRONG[0]), parts.take(_RIGHT[0])
    wrong, right = _count(wrong or parts.take(_WRONG[1])), _count(right or parts.take(_RIGHT[1]))
    totals = parts.take_all(_TOTAL) or parts.take_all(_TOTAL_ALONE)
    total = max(totals) if totals else right + wrong if right is not None and wrong is not None else None
    if right is None and total is not None:
        right = (total - wrong if wrong is not None else total if all_of_them else 0 if none else total // 2 if half else
                 round(total * _value_of(share)) if share else None)
    return Counts(total, right, parts.text)


class _Parts:
    """A text from which is taken what was understood."""

    def __init__(self, text: str) -> None:
        self.text = text

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.search(self.text)
        if found:
            self.text = f"{self.text[:found.start()]}{ANCHOR}{self.text[found.end():]}"
        return found

    def take_all(self, pattern: re.Pattern[str]) -> list[int]:
        counts = [count for found in pattern.finditer(self.text) if (count := _count(found)) is not None]
        self.text = pattern.sub(ANCHOR, self.text)
        return counts


def _count(found: re.Match[str] | None) -> int | None:
    value = number(found["count"]) if found else None
    return None if value is None or value.denominator != 1 else int(value)


def _pair(found: re.Match[str]) -> tuple[int, int] | None:
    """Total and right, where that can be."""
    total, right = number(found["total"]), number(found["right"])
    whole = total is not None and right is not None and total.denominator == right.denominator == 1 and right <= total
    return (int(total), int(right)) if whole and total is not None and right is not None else None


def _value_of(share: re.Match[str]) -> Fraction:
    value = number(share["percent"] or share["hundredths"] or share["tenths"])
    return Fraction(0) if value is None else value / (10 if share["tenths"] else 100)
