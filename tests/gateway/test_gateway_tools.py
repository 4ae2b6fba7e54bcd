"""What the device answers by itself is right, and honest where it cannot know."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pipeline.edge.tools import run
from pipeline.edge.tools.call import ToolCall
from pipeline.edge.tools.convert import converted, quantities
from pipeline.edge.tools.days import day_of
from pipeline.edge.tools.numerals import number, said
from pipeline.errors import EdgeError

WEDNESDAY = date(2026, 11, 25)
DIGITS = "零一二三四五六七八九"
UNITS = [(quantity, source, target) for quantity, units in quantities().items() for source in units for target in units]


def in_chinese(value: int) -> str:
    """0 to 99,999,999 as it is written in full."""
    if value >= 10_000:
        high, low = divmod(value, 10_000)
        between = "零" if 0 < low < 1000 else ""
        return in_chinese(high) + "万" + (between + in_chinese(low) if low else "")
    text, pending = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, value = divmod(value, unit)
        if digit:
            text, pending = text + ("零" if pending and text else "") + DIGITS[digit] + name, False
        else:
            pending = True
    return text or "零"


@given(some.integers(0, 99_999_999))
def test_chinese_numerals_are_read_back(value):
    assert number(in_chinese(value)) == value


@given(some.decimals(-10**9, 10**9, places=4))
def test_what_ends_is_written_without_rounding(value):
    assert Fraction(said(Fraction(value))) == Fraction(value)


@pytest.mark.parametrize(("text", "value"), [
    ("三百五", 350), ("一万二", 12_000), ("三百零五", 305), ("十五", 15), ("两百", 200), ("１２", 12), ("十二点五", Fraction(25, 2)),
    ("百分之五", Fraction(1, 20)), ("三分之一", Fraction(1, 3)), ("一亿二千万", 120_000_000), ("负三", -3), ("1.5万", 15_000),
    ("半", Fraction(1, 2))])
def test_numbers_as_people_say_them(text, value):
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "千", "点五", "三四点", "1e400", "nan", "9" * 41, "零分之一", "苹果", "--", "分之", "\ud800", "٣"])
def test_what_is_no_number_is_none_or_exact(text):
    assert number(text) in (None, 3)  # Arabic-Indic digits are digits


@given(some.fractions(-10**6, 10**6, max_denominator=10**4), some.fractions(-10**6, 10**6, max_denominator=10**4),
       some.sampled_from([("加", "+"), ("减去", "-"), ("乘以", "*"), ("÷", "/")]))
def test_calculation_is_that_of_fractions(a, b, operation):
    word, sign = operation
    a, b = Fraction(said(a)), Fraction(said(b))
    answer = run(ToolCall("calculate", {"a": said(a), "op": word, "b": said(b)}))
    if sign == "/" and not b:
        assert answer == "除数是零，这道题没有答案。"
        return
    exact = {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else 0}[sign]
    found = answer.split()[-1]
    if "=" in answer:
        assert Fraction(found) == exact
    else:
        assert abs(Fraction(found) - exact) <= max(Fraction(1, 10**6), abs(exact) / 100)


@given(some.sampled_from(UNITS), some.fractions(-10**6, 10**6))
def test_converting_there_and_back_loses_nothing(units, amount):
    _, source, target = units
    assert converted(converted(amount, source, target), target, source) == amount


def test_units_of_two_quantities_are_not_converted():
    assert converted(Fraction(1), "米", "公斤") is None
    assert "不会换算" in run(ToolCall("convert", {"amount": "3", "source": "米", "target": "公斤"}))


@pytest.mark.parametrize(("arguments", "answer"), [
    (("两", "斤", "公斤"), "2 斤 = 1 公斤"), (("1", "英里", "公里"), "1 英里 = 1.609344 公里"),
    (("100", "华氏度", "摄氏度"), "100 华氏度 ≈ 37.777778 摄氏度"), (("0.1", "米", "厘米"), "0.1 米 = 10 厘米"),
    (("", "米", "厘米"), "1 米 = 100 厘米")])
def test_conversions_in_words(arguments, answer):
    assert run(ToolCall("convert", dict(zip(("amount", "source", "target"), arguments, strict=True)))) == answer


@pytest.mark.parametrize(("text", "day"), [
    ("今天", (2026, 11, 25)), ("大后天", (2026, 11, 28)), ("明晚", (2026, 11, 26)), ("周一", (2026, 11, 23)),
    ("下周三", (2026, 12, 2)), ("上周日", (2026, 11, 22)), ("下下礼拜二", (2026, 12, 8)), ("周末", (2026, 11, 28)),
    ("月底", (2026, 11, 30)), ("下个月一号", (2026, 12, 1)),
    ("三天后", (2026, 11, 28)), ("一周前", (2026, 11, 18)), ("十五号", (2026, 11, 15)), ("三月五号", (2026, 3, 5)), ("春节", (2027, 2, 6)),
    ("国庆", (2027, 10, 1))])
def test_days_as_people_say_them(text, day):
    assert day_of(text, WEDNESDAY) == date(*day)


@pytest.mark.parametrize("text", ["", "三十一号", "十三月一号", "一亿天后", "半天后", "改天", "零号", "开学"])
def test_no_day_is_made_up(text):
    assert day_of(text, WEDNESDAY) is None


@given(some.text(max_size=12))
def test_any_words_are_answered_with_a_sentence(text):
    for name, argument in (("date", "day"), ("countdown", "event"), ("clock", "place"), ("convert", "amount"), ("calculate", "a"),
                           ("device", "item"), ("weather", "city")):
        assert run(ToolCall(name, {argument: text, "op": text, "source": text}, text)).strip()
    assert run(ToolCall("chat", {}, text)).strip()


def test_clocks_of_other_cities():
    noon = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
    assert run(ToolCall("clock", {"place": "东京"}, now=noon)) == "东京现在是 21:00。"
    assert run(ToolCall("clock", {"place": "奥克兰"}, now=noon)) == "奥克兰现在是 01:00（明天）。"
    assert run(ToolCall("clock", {}, now=noon)) == "现在是 12:00。"


def test_a_countdown_is_the_number_of_days():
    now = datetime(2026, 12, 24, 9, 0, tzinfo=UTC)
    assert run(ToolCall("countdown", {"event": "圣诞"}, now=now)).startswith("离圣诞还有 1 天")
    assert run(ToolCall("countdown", {"event": "圣诞节"}, now=now.replace(day=25))).startswith("今天就是圣诞节")


def test_the_weather_is_not_made_up():
    answer = run(ToolCall("weather", {"city": "成都", "day": "明天"}))
    assert answer == "我听出您在问成都明天的天气。这台设备没有接入天气数据源，不能告诉您实况或预报。"


def test_an_unknown_tool_is_an_error():
    with pytest.raises(EdgeError, match="expected one of the tools weather"):
        run(ToolCall("os.system"))
