"""The topic that a question names, in the words in which it does: what stands beside the words that speak of it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

ANCHOR, BREAK = "\ue000", "\ue001"  # stand in a text for what was understood of it; of the private use area, as no text is
LONGEST = 24  # characters of what somebody would call a topic
_PIECES = re.compile(rf"([{ANCHOR}{BREAK}，。、；：:！？,.;!?~～“”《》「」\s]+)")
_OF_EXERCISES = r"(?<![问例主标课难])(?:的)?(?:真题|模拟题|考题|练习题|练习册|习题册|习题|练习|题目|题|作业)"
_EXERCISES = r"(?<![问例主标课难])(?:的)?(?:真题|模拟题|考题|练习题|练习册|习题册|习题|练习|题目|题|作业)"
_MARKERS = re.compile(rf"{_OF_EXERCISES}(?=$|[{ANCHOR}{BREAK}，。,\s])|(?:这|那)(?:一)?(?:块|部分|节)儿?|专题|方面|"
      r"[做刷写练答](?:完|好|过)?了(?:一?会儿|一下)?|[做刷写练答学看背]完(?![全备整美])|"
      rf"(?:练习|完成|[做刷写练答])了?(?={ANCHOR})|[学看听背记]了(?:好久|很久|半天|好?几?[一两三四五几多]?遍|好多遍|好几天)?|"
      r"的(?:选择|填空|判断|计算|证明|应用|简答|编程|综合|大|小)题|"
                      r"[一二两三四五六七八九十\d]+[套份张组本页](?:卷子|试卷|[模真]拟?卷|卷|真题|模拟题|练习)?")
_EXERCISES = re.compile(f"{_OF_EXERCISES}$")
# 对 of 对极限没把握, which is none of 对数 or 对称.
_TOWARDS = re.compile(f"(?:^|(?<=[，,{BREAK}]))学(?=.{{2,15}}学[得着])|(?:我|自己)对(?!数[^列字据值]|[称偶角])|"
                      f"对(?![数称偶角流等立照比策映易撞换冲应象话消外价甲苯])"
                      "(?=.{1,15}(?:熟|把握|没底|概念|了解|清楚|头疼|头大|发怵|懵))")
# Where what is said of a topic begins: 又忘了, 还没学会, 听得云里雾里.
_SAID_OF_IT = re.compile(
    rf"又(?=[{ANCHOR}做忘错混没栽])|还是?(?=[{ANCHOR}没不有得晕需要差欠])|总是?(?=[{ANCHOR}是]|.{{0,3}}[错混忘栽])|"
    rf"(?<!衰)老(?=[{ANCHOR}是记背]|.{{0,3}}[错混忘栽])|得(?=[{ANCHOR}再多标加练补])|(?:听|学|看|做|掌握|记|背|理解)得|(?:听|学|"
    rf"看)着|掌握程度|"
    rf"需要(?:(?:再|多|好好|重点|继续|进一步)*(?:巩固|复习|加强|回炉|温习))?|的理解(?=[{ANCHOR}还很])|"
    rf"基本(?=[没不])|完全(?=[没不是])|(?<!的)概念(?=[{ANCHOR}没不])|"
    rf"要(?=重点|多|好好|再|加强|复习|回炉|补)|(?:[让使令把]|(?<!供)给)(?=[{BREAK}人])|(?<![安完健齐])全(?=[{ANCHOR}])|"
    rf"傻傻|理解(?=[有得不])|(?<!的)(?:运用|使用)(?=[{ANCHOR}不得])|总(?=[觉感])|(?<!行)为(?={ANCHOR})|(?<!的)比较(?={ANCHOR})|"
    rf"对(?={ANCHOR})|"
    "始终|仍然|依然|仍旧|一直|实在|有点|有些|几乎|压根|根本|怎么.?[也都]|上(?=[总老又])|"
    "(?:这里|那里|这儿|那儿)(?=[卡老总没不])|做题(?=[总老经])|"
    "[不没](?:太|怎么|大[会懂清]|很|是很|整|弄|搞|学|懂|会|理解|掌握|记|数$|把握|底|明白|清楚|熟|吃透|入门|过关|想|看|听|背|"
    "分清|通|行|牢|稳)")
_OWNED = re.compile(f"(?<=[^{ANCHOR}{BREAK}，,])的(?=[。！!~]*$)")  # 对了15道，电磁感应的
_LEADING = re.compile("^对(?![数称偶角流等立照比策映易撞换冲应象话消外价甲苯])|"
                      "^(?:刷(?!新)|练(?!兵)|题(?!海)|做(?![功到])|算(?![法术子符])|在(?!线(?:学习|算法|教育|课))|加(?![法权密速性]))")
_TALK = re.compile("[没得着就很都了吗呢啦你想让真]")  # in no topic, but in what is said of one


class TopicWords(BaseModel):
    """``nothing``: what is no topic though it stands where one would.  ``before``, ``after``: what may stand beside one;
    ``beside``: on either side.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    nothing: tuple[str, ...]
    beside: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]


def topic_in(text: str, anchors: Iterable[str], known: TopicWords, *, certain: bool) -> str | None:
    """The likeliest piece of the text, without what stands beside it; None where none is likely.

    ``text``: with a `BREAK` where something else was said, an `ANCHOR` where what belongs to a topic was, as it is with ``anchors``.
    ``certain``: that there is a topic, so a piece elsewhere will do.  ``known``: its ``before`` and ``after`` the longest first.
    """
    words = sorted(anchors, key=len, reverse=True)
    text = _OWNED.sub(ANCHOR, _TOWARDS.sub(BREAK, text))
    text = re.sub("|".join(map(re.escape, words)), ANCHOR, text) if words else text
    parts = _PIECES.split(_SAID_OF_IT.sub(ANCHOR, _MARKERS.sub(ANCHOR, text.replace("我", BREAK))))
    pieces = [(_nearness(parts, place), _stripped(parts[place], known)) for place in range(0, len(parts), 2)]
    likely = [(not _TALK.search(piece), near, len(piece), piece) for near, piece in pieces
              if 0 < len(piece) <= LONGEST and (near or certain) and piece not in known.nothing]
    return max(likely)[-1] if likely else None


def _nearness(parts: list[str], place: int) -> int:
    """2 with an anchor right before or behind, 1 with a comma between, 0 otherwise."""
    before = parts[place - 1].strip() if place else ""
    behind = parts[place + 1].strip() if place + 1 < len(parts) else ""
    if before.endswith((ANCHOR, "：", ":")) or behind.lstrip("：:").startswith(ANCHOR):
        return 2
    return int(ANCHOR in behind)


def _stripped(piece: str, known: TopicWords) -> str:
    while True:
        shorter = _LEADING.sub("", _EXERCISES.sub("", piece.strip("()（）'")))
        shorter = next((shorter[len(word):] for word in known.before if shorter.lower().startswith(word)), shorter)
        shorter = next((shorter.removesuffix(word) for word in known.after if shorter.endswith(word)), shorter)
        if shorter == piece:
            return piece
        piece = shorter
