"""Numbers, chapters and durations as a student says them."""

from __future__ import annotations

import random

_DIGITS = "零一二三四五六七八九"


def numeral(number: int) -> str:
    """In Chinese numerals, 0 to 99: 十二, 四十."""
    tens, ones = divmod(number, 10)
    return (f"{_DIGITS[tens] if tens > 1 else ''}十" if tens else "") + (_DIGITS[ones] if ones or not tens else "")


def counted(number: int, in_digits: bool) -> str:
    """Before a measure word, where 2 is 两."""
    return str(number) if in_digits or number > 99 else "两" if number == 2 else numeral(number)


def chapter(number: int, held_out: bool, rng: random.Random) -> str:
    """第三章, 第3章; ``held_out``: at times with spaces or in English too."""
    forms = [f"第{numeral(number)}章"] * 3 + [f"第{number}章"] * 2
    return rng.choice(forms + [f"第 {number} 章", f"ch{number}"] * held_out)


def duration(held_out: bool, rng: random.Random) -> tuple[str, int]:
    """What is said, and its minutes; ``held_out``: in more forms."""
    hours, minutes = rng.choice([(0, 5 * rng.randint(2, 11)), (0, rng.randint(11, 59)), (rng.randint(1, 5), 0), (rng.randint(1, 3), 30),
                                 (rng.randint(1, 2), 5 * rng.randint(1, 11)), (0, rng.choice((90, 100, 120, 150)))])
    if minutes > 59:
        return f"{minutes}分钟", minutes
    spoken = _minutes(minutes, held_out) if not hours else _hours(hours, held_out) if not minutes else _both(hours, minutes, held_out)
    return rng.choice(spoken), 60 * hours + minutes


def _minutes(minutes: int, held_out: bool) -> list[str]:
    special = {30: ["半小时", "半个小时", "半个钟头"], 15: ["一刻钟"], 45: ["三刻钟"] * held_out}
    return [f"{minutes}分钟", f"{numeral(minutes)}分钟", *special.get(minutes, []), *[f"{minutes}min", f"{minutes} 分钟"] * held_out]


def _hours(hours: int, held_out: bool) -> list[str]:
    few = counted(hours, in_digits=False)
    return [f"{hours}小时", f"{hours}个小时", f"{few}小时", f"{few}个小时", f"{few}个钟头", *[f"{hours}h", f"{hours} 小时"] * held_out]


def _both(hours: int, minutes: int, held_out: bool) -> list[str]:
    few = counted(hours, in_digits=False)
    halves = [f"{few}个半小时", f"{hours}.5小时", f"{hours}个半小时", f"{hours}.5个小时", *[f"{few}个半钟头", f"{few}小时半"] * held_out]
    return [f"{hours}小时{minutes}分钟", f"{few}小时{numeral(minutes)}分钟", f"{few}个小时{numeral(minutes)}分",
            *(halves if minutes == 30 else [])]
