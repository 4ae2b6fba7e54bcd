"""How many exercises, and how many of them right, as a student says it: 做了10道错了3道, 8对2错, 20题对15, 全对, 18/20."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from pipeline.edge.assistant.record.durations import NUMERAL
from pipeline.edge.assistant.record.marks import ANCHOR
from pipeline.edge.tools.numerals import number

_OF = r"(?:道题目?|道|个题目?|题|个)?"
_WRONGLY = ("(?:(?:没|不)(?:能|太)?(?:会?做|答|写|算)?(?:出来|上来|对|过)|[做答]不(?:对|出来?)|不会(?:做|写)?|(?:做|答|写|搞|算)?错"
            "(?!误?率)误?题?|翻车|失[误手]|做崩|[栽挂丢扣空跪漏]|误(?=了)|做?没思路|[×✗✘]|(?:(?<=[道题个])|[打红])叉|wrong|fail(?:ed)?)"
            "(?:了|的|掉|数)?")
_RIGHTLY = ("(?<![没不])(?:(?:做|答|写|算|选|判|猜|蒙)?(?<![没不核])(?:对(?![称数偶角流照答])|正确|无误)(?!率)题?|"
            "(?<!会)(?:做|写|答|算)出来?|拿下|搞定|会做|OK|ok|没问题|[√✓]|打[勾钩]|correct|right|pass(?:ed)?)(?:了|的|数)?")
_PASSED = "(?:过关?了?|没错|全会|会)(?![程做])"
_ONLY = "(?:得(?:不多|还行|挺多))?[，,]?(?:只|就|仅|才|也就)"


def _behind(word: str, other: str) -> re.Pattern[str]:
    """对8 of 对8错2, and not 对2 of 8道对，2道错: a number that has a word of its own behind it belongs to that."""
    return re.compile(rf"{word}\s*(?:{_ONLY})?[有是]?\s*(?P<count>(?>{NUMERAL}))(?!\s*{_OF}{other}|\s*[%成分半]){_OF}")


def _before(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?P<count>{NUMERAL})\s*{_OF}(?:我|是|都|全|给)*{word}")


_BUT = re.compile(rf"除(?:了|去|掉)有?(?P<count>{NUMERAL})\s*{_OF}(?:{_WRONGLY})?(?:以外|之外|外)?[，,]?(?=.*(?:对|正确))")
_WRONG, _RIGHT = (_behind(_WRONGLY, _RIGHTLY), _before(_WRONGLY)), (_behind(_RIGHTLY, _WRONGLY), _before(f"(?:{_RIGHTLY}|{_PASSED})"))
_TOTAL = re.compile(rf"(?:一共|总共|共)?(?<!第)(?P<count>{NUMERAL})\s*[来多]?(?:道|个?题|个(?:练习|习题|(?=[里中当])))|"
                    rf"(?<![第道题\d])(?P<more>(?>{NUMERAL}))个(?=[^，,。]{{1,10}}题)")
_TOTAL_ALONE = re.compile(rf"(?:题|[做刷答写练]了|一共|总共|合计|共计|(?:总题|题目?总|总|"
                          rf"题)[数量])[是为有:]?\s*(?P<count>(?>{NUMERAL}))(?!\s*(?:小时|[分章天次遍刻节点套份张组本页]|"
                          "个(?![，,。、！!\\s\ue000-\ue00f]|$)))")
# 十题中七, 20做对16 and 10对9: so many of so many.
_OF_THEM = re.compile(rf"(?<![对错√×])(?P<total>{NUMERAL})\s*{_OF}(?:[中里]|里面)?我?(?:只|就|仅|才)?(?:(?:做|答|写)?对(?!照)|"
                      rf"[中里])了?(?:有)?\s*"
                      rf"(?P<right>(?>{NUMERAL}))(?!\s*{_OF}[是都全]*(?:{_WRONGLY}|{_RIGHTLY})|\s*[%成分半])[道题个]?")
_OF_THEM_WRONG = re.compile(rf"(?<![对错√×第\d])(?P<total>(?>{NUMERAL}))个?(?:做|答|"
                            rf"写)?错了?\s*(?P<wrong>(?>{NUMERAL}))(?!\s*{_OF}[对错]|\s*[%成分半])[道题个]?")
_ALL = "(?:全部?|都|全都|全是)(?:做|答|写)?"
_NOT_ONE = "(?:一[道个题][也都]?没有?|没有?一[道个题]|[道个题][也都]没有?)(?:做|答|写)?"
# What is said of those that are left, once the others are counted.
_REST = re.compile("(?:其余|其他|其它|剩下|剩余|余下|别的)(?:的|题)*(?:全部?|都|全都)?是?(?:做|答|写)?(?:对|正确|错|不会|"
                   "没做出来)(?:了|的)*")
_ALL_WRONG = re.compile(f"{_ALL}(?:错|不对|没对|不会)|{_NOT_ONE}(?:对|正确|会)|无一正确|全军覆没|全挂|全灭|零分|全跪")
_ALL_RIGHT = re.compile(f"{_ALL}(?:对|正确)|{_NOT_ONE}错|没有?(?:做|答)?错|满分|零失误|零错误|零错|无错|全过|无一错|全拿下|"
                        "全部拿下|全中|百分百正确")
_SOME_RIGHT = re.compile(rf"{NUMERAL}{_OF}[都全](?:做|答)?(?:对|正确)")
_VALUE = (rf"(?:(?P<percent>\d+(?:\.\d+)?)\s*%|百分之(?P<hundredths>{NUMERAL})|(?P<tenths>{NUMERAL})成|"
          rf"(?P<parts>{NUMERAL}分之{NUMERAL})|(?P<half>一半))")
_ABOUT = "(?:只有|只|是|为|有|大概|大约|差不多|将近|才|到)*"
_SHARE_WRONG = (re.compile(rf"(?:错(?:误|题)?率|失误率|错)了?{_ABOUT}\s*{_VALUE}"),
                re.compile(rf"{_VALUE}的?(?:题目?)?[是都]*(?:做|答|写)?(?:错|不会|没对)了?的?"))
_SHARE_RIGHT = (re.compile(rf"(?:(?:正确|准确|得分|命中|成功|对题)率|正确|对)了?{_ABOUT}\s*{_VALUE}"),
                re.compile(rf"{_VALUE}(?:以上)?的?(?:题目?)?[是都]*(?:做|答|写)?(?:对|正确率?|准确率)了?的?"))
_FRACTION = re.compile(r"(?<![\d.])(?P<wrong>(?:做|答)?错了?\s*)?(?P<count>\d{1,6})\s*[/／]\s*(?P<total>\d{1,6})(?![\d.])"
                       r"(?P<wrongly>\s*(?:做|答)?错了?)?")


@dataclass(frozen=True)
class Counts:
    """Exercises done and right; None: not said.  ``rest``: the text with an `ANCHOR` for each thing that was said of them."""

    total: int | None
    right: int | None
    rest: str


def counts_in(text: str) -> Counts:
    """How many exercises were done, and how many of them right."""
    if found := _FRACTION.search(text):
        total, count = int(found["total"]), int(found["count"])
        return Counts(total, total - count if found["wrong"] or found["wrongly"] else count, _FRACTION.sub(ANCHOR, text))
    for pattern in (_OF_THEM, _OF_THEM_WRONG):
        if (found := pattern.search(text)) and (pair := _pair(found)):
            return Counts(*pair, pattern.sub(ANCHOR, text, count=1))
    parts = _Parts(text)
    share = _share(parts)
    but, _, none = (parts.take(pattern) for pattern in (_BUT, _REST, _ALL_WRONG))
    # In 做了12道，11道都对 it is those 11 that are all right.
    of_some = len(_TOTAL.findall(parts.text)) > 1 and _SOME_RIGHT.search(parts.text)
    all_of_them = None if of_some else parts.take(_ALL_RIGHT)
    wrong, right = but or parts.take(_WRONG[0]), parts.take(_RIGHT[0])
    wrong, right = _count(wrong or parts.take(_WRONG[1])), _count(right or parts.take(_RIGHT[1]))
    totals = parts.take_all(_TOTAL) or parts.take_all(_TOTAL_ALONE)
    total = max(totals) if totals else right + wrong if right is not None and wrong is not None else None
    if right is None and total is not None:
        right = (total - wrong if wrong is not None else total if all_of_them else 0 if none else
                 None if share is None else ceil(total * share - Fraction(1, 2)))
    return Counts(total, right, parts.text)


def _share(parts: _Parts) -> Fraction | None:
    """The share that was right, whether it was said of these or of the others."""
    for patterns, wrong in ((_SHARE_WRONG, True), (_SHARE_RIGHT, False)):
        if found := parts.take(patterns[0]) or parts.take(patterns[1]):
            return 1 - _value_of(found) if wrong else _value_of(found)
    return None


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
    value = number(found["count"] or found["more"]) if found else None
    return None if value is None or value.denominator != 1 else int(value)


def _pair(found: re.Match[str]) -> tuple[int, int] | None:
    """Total and right, where that can be."""
    total, part = number(found["total"]), number(found[2])
    if total is None or part is None or not total.denominator == part.denominator == 1 or part > total:
        return None
    return int(total), int(total - part if "wrong" in found.groupdict() else part)


def _value_of(share: re.Match[str]) -> Fraction:
    if share["half"]:
        return Fraction(1, 2)
    value = number(share["percent"] or share["hundredths"] or share["tenths"] or share["parts"])
    return Fraction(0) if value is None else value / (10 if share["tenths"] else 1 if share["parts"] else 100)
