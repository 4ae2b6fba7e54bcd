"""Which day a statement or a question speaks of: 昨晚, 上周五, 三天前, 11月3日."""

from __future__ import annotations

import re
from datetime import date, timedelta

from pipeline.edge.assistant.named import normalised
from pipeline.edge.assistant.record.durations import NUMERAL, without_durations
from pipeline.edge.assistant.record.marking import LONGEST
from pipeline.edge.assistant.record.marks import BREAK
from pipeline.edge.tools.days import day_of

_TODAY = re.compile("今[天日儿晚早晨夜]|刚才")
_DAY = re.compile(
    r"(?<![睡饭考课之以期])大?前[天晚](?!天)|昨[天日儿晚夜]|"
    r"(?<![每一两二三四五六七八九十几\d])(?:上上|上|这|本)?个?(?:周|星期|礼拜)[一二三四五六日天](?![个十百道题章刻点次天遍本半分回节门共直口]|小时)|"
    rf"(?:{NUMERAL}|几)个?(?:天|周|星期|礼拜|月)(?:以|之)?前|(?:(?:\d{{4}}|去|今|前)年)?(?:{NUMERAL}|上个?|这个|本)月{NUMERAL}[日号]|"
    rf"(?<![\d第月零一二两三四五六七八九十]){NUMERAL}号(?![楼馆教室线院机卷桌栋门题])")
_NOT_THE_DAY = re.compile("没(?!记|登|录|打卡|说|来得及)|布置|留的|到|至|以来|开始")  # 昨天没看完的
_SOME_DAY = re.compile(r"(?:上上?个?(?:周(?!围)|星期|礼拜)(?![一二三四五六日天])|上个?月(?!\d|[一二三四五六七八九十])|[去前]年|"
                       "上个?学期|前[几两些阵]|有一天|某天|每[天日晚]|每个?(?:周|星期|礼拜)[一二三四五六日天])(?!的|真题|试卷|期|考|留|布置|没)")
_SOME_SPAN = re.compile("上上个?(?:周|星期|礼拜)|[去今前]年|学期|[寒暑]假|前[几两些阵]|半年|"
                        rf"(?:近|过去|这|前)(?:{NUMERAL}|几)个?(?:天|日|周|星期|礼拜|月|年)")
_LATE = re.compile("补[记登录签打]|漏[记登]|忘(?:了|记)?(?:记|登|打卡)|没(?:来得及)?(?:记|登|打卡)|想起")  # 今天补记昨天的
_TOGETHER = re.compile("[一总]共|加起来|合计|两天")
_NEAR = {"大前": 3, "前": 2, "昨": 1}


def day_done(question: str, today: date) -> date | None:
    """The day that a statement speaks of, today where it names none; None where it does not say plainly which."""
    text = normalised(question[:LONGEST])
    named = _days(text, today)
    if _TODAY.search(text) and not (named and _LATE.search(text)):
        return None if named and (without_durations(text).count(BREAK) > 1 or _TOGETHER.search(text)) else today
    if not named:
        return None if _SOME_DAY.search(text) else today
    day, behind = next(iter(named.items()))
    plain = len(named) == 1 and not _NOT_THE_DAY.match(behind) and not (behind.startswith("的") and day != today - timedelta(1))
    return day if day and day <= today and plain else None


def period_asked(question: str, period: str, today: date) -> str | None:
    """``period`` as `understand` has it, or the one day that the question names, in ISO 8601; None for a span that is none of these."""
    text = normalised(question[:LONGEST])
    named = _days(text, today)
    if not named or _TODAY.search(text):
        return None if (period == "all" or "上上" in text) and _SOME_SPAN.search(text) else period
    day = next(iter(named))
    if len(named) > 1 or day is None or day > today:
        return None
    return "yesterday" if day == today - timedelta(1) else day.isoformat()


def _days(text: str, today: date) -> dict[date | None, str]:
    """The days but today that are named, and what stands behind each; None for one that is not known."""
    found = {_day(match[0], today): text[match.end():] for match in _DAY.finditer(text)}
    return {day: behind for day, behind in found.items() if day != today}


def _day(named: str, today: date) -> date | None:
    if near := re.fullmatch("(大前|前|昨)[天日儿晚夜]", named):
        return today - timedelta(_NEAR[near[1]])
    return day_of(named.removeprefix(f"{today.year}年").removeprefix("今年").replace("礼拜", "星期"), today)
