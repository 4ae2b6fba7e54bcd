"""Whether what a statement says is done, and to be recorded: not 明天要学, 打算学, 还没学 or 不要记录."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.edge.assistant.named import CHAPTER, CourseName, course_in, normalised, pattern_of
from pipeline.edge.assistant.record.counts import counts_in
from pipeline.edge.assistant.record.durations import NUMERAL, without_durations
from pipeline.edge.assistant.record.marking import LONGEST, with_chapter
from pipeline.edge.assistant.record.marks import ANCHOR, BREAK

_MARK, _END = f"[{ANCHOR}{BREAK}]", "，,。；;！!？?\n"  # what is said to be done; where a clause ends
_STUDY = "(?:学|看|听|读|背|记|做|刷|练|写|答|复习|预习|自习|温习|啃|搞|弄|花|用|投入|完成|坚持)"
_TO_RECORD = f"[^{ANCHOR}{BREAK}{_END}]{{0,6}}(?:记(?!单词|公式|忆|住|背)|登|录|存|打卡|签到|标|补|加|汇报|报告|说|告诉|知道|看看)"
_SURELY = "(?:打算|希望|争取|目标|预计|力争|立志|如果|要是|假如|假设|万一)"
_MAYBE = ("(?:准备(?=[今明晚下再去学看花用复预刷做练背读听写开在每先])|(?<![按照订定])计划(?![里中内表上])|"
          "(?<![思理感猜设梦回联妄幻])想(?![象法起到通明清不])|(?<![主重首只摘纲])要(?![点素领求紧])|决定|必须|即将|"
          "(?:我|今天|今晚|晚上|还|就|总)得(?=[去再先花把]|学|看|复习)|(?:我|就|才|将)会|我能)")
_WISHED = re.compile(f"{_SURELY}(?!{_TO_RECORD})[^了{_END}]{{0,20}}{_MARK}|"
                     f"{_MAYBE}(?!{_TO_RECORD}|[把将])[^了{_END}]{{0,10}}?{_STUDY}[^了{_END}]{{0,16}}{_MARK}")
# 明天, but not 明天的课, 明天要考的 or 为明天, which say for what one studied.
_AHEAD = (r"(?<![为给证声说])(?:(?:明[天日儿早晚年]|大?后天|下下?个?(?:周|星期|礼拜|月)|改天|待会儿?|等会儿?|等一下|稍后|回头|晚点|过会儿?)"
          f"[一二三四五六日天]?|过(?:{NUMERAL}|几)天|{NUMERAL}个?(?:天|周|星期|小时)(?:以|之)?后)"
          "(?![的要就]{0,2}(?:考|讲|交|上课|开|有|是|还有|期)|的)")
_PLANNED = re.compile(f"{_AHEAD}[^了今昨刚已]*?{_MARK}")
_WILL = re.compile(f"^[^了]*?{_AHEAD}[^今昨刚已]{{0,8}}(?:再|就|要|会|能|才|打算|准备|应该|可以)")
_NOT = "(?:没有?|未|不(?=想|打算|准备|用|学习?))(?:能|去|来得及|怎么|真的?|好好|坚持|认真|在|有|再|想|曾|打算|准备|用|完全|全部?|都)*"
_NOT_DONE = re.compile(f"{_NOT}{_STUDY}(?!手机)[^了的{_END}]{{0,12}}{_MARK}|^[^了]*{_MARK}(?:都|也|还|根本)*没有?{_STUDY}?[到够满成]?$")
_NOT_FINISHED = re.compile(
    f"{_NOT}(?:{_STUDY}习?)?(?:完(?!的[^{_END}]{{0,3}}[里中单表])|好(?!好)|过|透|掉|结束|收尾|搞定|拿下)|没有?{_STUDY}习?(?={_MARK}|到|$)|{_MARK}[^了]*没有?{_STUDY}习?[了过]?$|"
    f"{_MARK}[^了{_END}]{{0,8}}(?:{_SURELY}|{_MAYBE})(?!{_TO_RECORD}|[把将])[^了{_END}]{{0,8}}{_STUDY}|"
    f"(?<![很赶飞])快要?(?:{_STUDY}习?)?(?:完|结束|搞定)|(?:马上|就要|即将|差一?点|尽快)[^{_END}]{{0,6}}(?:完|结束)")
_NOT_TO_RECORD = re.compile(
    f"(?:不要|别|不用|不必|不想|无需|不需要|甭|勿)(?:你|再|先|给我|帮我|替我)*(?:把[^{_END}]{{1,16}}?)?"
    "(?:记(?=[录下上这今成为到进入账我学]|$|[，,。！!])|登记|录入|存|标[记成为上注]|打卡|算进|计入|[加放列][到进入])")
_COUNTED = re.compile("[对错]了")  # nobody plans how many they got right
_NOT_WHILE = re.compile("为了|除了|了解")  # no 了 of what is done
_TODAY = re.compile("今[天日儿晚早晨夜]")


def is_done(question: str, operation: str, courses: Sequence[CourseName]) -> bool:
    """Whether a statement that ``operation`` would record says that it happened, and is to be recorded."""
    text = _marked(question, operation, course_in(question, courses))
    if _NOT_TO_RECORD.search(text):
        return False
    if operation == "mark_weak":  # 不会 and 没学懂 are what it is about
        return True
    place = next((found.start() for found in re.finditer(_MARK, text)), len(text))
    start = max(text.rfind(end, 0, place) for end in _END) + 1
    clause = re.split(f"[{_END}]", text[start:])[0]
    undone = _NOT_FINISHED.search(clause if re.search("[了完]", clause) else text) if operation == "finish_chapter" else (
        operation == "log_session" and _NOT_DONE.search(clause))
    counted = operation == "log_exercise" and _COUNTED.search(question)
    planned = (_WISHED.search(text) or (not counted and _PLANNED.search(text[:place + 1])) or _WILL.search(clause)
               or ("了" not in clause and re.search(_AHEAD, clause) and not _TODAY.search(clause)))
    return not undone and not planned


def _marked(question: str, operation: str, course: CourseName | None) -> str:
    """The text without the course's names, a mark for what was done: the chapter, the counts or the duration."""
    text = _NOT_WHILE.sub("", normalised(question[:LONGEST]))
    for name in sorted((course.name, *course.aliases) if course else (), key=len, reverse=True):
        text = pattern_of(name).sub("", text)
    if operation == "finish_chapter":
        return with_chapter(text, course, BREAK)[0]
    text = CHAPTER.sub("", text)
    text = without_durations(text)
    return text if operation == "log_session" else counts_in(text).rest
