"""Figures: written, readable, with Chinese that renders."""

from __future__ import annotations

import importlib.util
import itertools
import math
import re
import warnings
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

from pipeline.report import figures
from pipeline.report.figures import confusion as confusion_figure
from pipeline.report.figures import fonts, style
from pipeline.report.figures import latency as latency_figure
from pipeline.report.figures import memory as memory_figure
from pipeline.report.figures import overview as overview_figure
from pipeline.report.figures import risk_coverage as risk_coverage_figure
from pipeline.report.figures.wrap import width, wrap

ALWAYS = {"latency", "speedup", "memory", "intent_confusion_accuracy_merged", "intent_confusion_accuracy_int8",
          "routing_confusion", "calibration", "risk_coverage", "training"}


def overviews(results: dict[str, Any]) -> set[str]:
    return {f"overview_{number}" for number in range(1, math.ceil(len(results["claims"]) / overview_figure.MOST) + 1)}


def test_all_figures_are_written_once_with_expected_sizes(tmp_path: Path, results: dict[str, Any]) -> None:
    (tmp_path / "stale.png").write_bytes(b"")
    before = dict(matplotlib.rcParams)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pictures = figures.render(results, tmp_path)
    assert {picture.name for picture in pictures} == ALWAYS | overviews(results)
    assert dict(matplotlib.rcParams) == before
    for picture in pictures:
        with Image.open(picture.png) as image:
            assert image.format == "PNG" and round(image.info["dpi"][0]) == 200
            assert abs(image.width - 14 / 2.54 * 200) <= 1 and image.height > 300
            assert len(image.convert("L").getcolors()) > 20
        assert picture.pdf.read_bytes().startswith(b"%PDF") and picture.caption
        assert set(picture.claims) <= {entry["id"] for entry in [*results["claims"], *results["observations"]]}
    assert {path.stem for path in tmp_path.iterdir()} == ALWAYS | overviews(results)


def test_a_figure_without_data_is_left_out(tmp_path: Path, results: dict[str, Any]) -> None:
    for entry in [*results["claims"], *results["observations"]]:
        entry["measurement"] = {"shape": "not_measured", "metric": "m", "unit": "ms", "reason": "r"}
    results["training"] = None
    assert {picture.name for picture in figures.render(results, tmp_path)} == overviews(results)
    results["claims"] = []
    assert figures.render(results, tmp_path) == [] and not list(tmp_path.iterdir())


def _laid_out(sheet: Any) -> None:
    sheet.draw(FigureCanvasAgg(sheet).get_renderer())


def _shown(sheet: Any) -> list[Text]:
    """Every word that has a place on the figure."""
    _laid_out(sheet)
    return [text for text in sheet.findobj(Text) if text.get_visible() and text.get_text().strip()]


LONG = "（包括直接与间接询问）在 1,500 条 challenge 查询上的 non-inferiority，" * 4


@pytest.mark.parametrize("long", [[], [3], [0, 1], [12, 13, 17]], ids=["the documented ones", "one long", "first two", "last"])
def test_the_overview_shows_every_caption_whole_and_nothing_overlaps(results: dict[str, Any], long: list[int]) -> None:
    for place in long:
        results["claims"][place]["caption"] = f"{LONG}{place}"
    with style.look():
        drawings = overview_figure.draw(results)
        shown = [_shown(drawing.figure) for drawing in drawings]
    for drawing, texts in zip(drawings, shown, strict=True):
        _nothing_overlaps(drawing, texts)
    words = ["".join(text.get_text().split()) for texts in shown for text in texts]
    for entry in results["claims"]:
        expected = style.say(entry["caption"], entry["id"])
        assert "".join(expected.split()) in words


def _nothing_overlaps(drawing: style.Drawing, shown: list[Text]) -> None:
    boxes, words = [text.get_window_extent() for text in shown], [text.get_text() for text in shown]
    assert all(drawing.figure.bbox.containsx(edge) for box in boxes for edge in (box.x0, box.x1))
    assert all(drawing.figure.bbox.containsy(edge) for box in boxes for edge in (box.y0, box.y1))
    for one, other in itertools.combinations(range(len(boxes)), 2):
        assert not boxes[one].overlaps(boxes[other]), (words[one], words[other])
    panels = [axes.bbox for axes in drawing.figure.axes]
    assert not any(box.overlaps(panel) for box in boxes for panel in panels)


def test_many_claims_go_onto_sheets_that_fit_a_page_each_claim_on_one(results: dict[str, Any]) -> None:
    one = results["claims"][0]
    results["claims"] = [{**one, "id": f"many.{number}"} for number in range(overview_figure.MOST * 3 + 1)]
    with style.look():
        drawings = overview_figure.draw(results)
    assert [drawing.name for drawing in drawings] == [f"overview_{number}" for number in range(1, 5)]
    assert [claim for drawing in drawings for claim in drawing.claims] == [claim["id"] for claim in results["claims"]]
    assert all(len(drawing.claims) <= overview_figure.MOST and drawing.figure.get_figheight() < 25 / 2.54 for drawing in drawings)


@settings(max_examples=50, deadline=None)
@given(st.text(st.sampled_from(list("延迟分布内存（）“”，。 aWm19.%-_()")), min_size=30, max_size=120))
def test_wrapped_words_are_all_there_on_lines_that_fit(text: str) -> None:
    with style.look():
        lines = wrap(text, 5.1, 7).split("\n")
        assert "".join("".join(lines).split()) == "".join(text.split())
        assert all(width(line, 7) <= 5.1 and line == line.strip() for line in lines)
        assert len(lines) == 1 or all(lines)


def test_a_line_breaks_at_a_phrase_and_never_between_a_figure_and_its_unit() -> None:
    with style.look():
        assert wrap("连续决策相对空闲状态增加的功耗（各窗口均值）低于 200 mW", 5.1, 7).startswith("连续决策相对空闲状态增加的功耗\n（")
        for room in range(20, 60):
            lines = wrap("端到端响应 P95 低于 500 ms，准确率高于 90 % 且损失低于 5 万", room / 10, 7).split("\n")
            assert all(any(unit in line for line in lines) for unit in ("P95", "500 ms", "90 %", "5 万")), lines


def test_what_lies_beyond_the_histogram_is_said(results: dict[str, Any]) -> None:
    for entry in results["claims"]:
        if entry["metric"] == "latency" and "values" in entry["measurement"]:
            entry["measurement"]["values"][:2] = [9e4, 9e5]
    with style.look():
        sheet = next(drawing for drawing in latency_figure.draw(results) if drawing.name == "latency").figure
        labels = [text.get_text() for text in sheet.axes[0].get_legend().get_texts()]
    drawn = sum(bar.get_height() for bar in sheet.axes[0].patches)
    beyond = {label.split()[0]: int((re.findall(r"n = 400\D+(\d+)", label) or [0])[0]) for label in labels}
    assert beyond["onnx-int8"] == 2 and drawn + sum(beyond.values()) == 800


def _ticks(results: dict[str, Any], name: str) -> tuple[list[str], list[str]]:
    with style.look():
        sheet = next(drawing.figure for drawing in confusion_figure.draw(results) if drawing.name == name)
        _laid_out(sheet)
    return tuple([text.get_text() for text in axis.get_ticklabels()] for axis in (sheet.axes[0].xaxis, sheet.axes[0].yaxis))


def test_confusion_is_between_the_intents_chinese_names_and_ids_where_there_are_none(
    results: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = ["weather_query", "my_own_intent", "simple_qa", "open_chat", "time_query", "knowledge_qa"]
    ids = list(results["intents"])
    for entry in results["claims"]:
        if entry["id"] == "accuracy.int8":
            entry["measurement"]["details"]["intents"] = own
    merged, int8 = "intent_confusion_accuracy_merged", "intent_confusion_accuracy_int8"
    if fonts.chinese_font():
        assert _ticks(results, merged) == (["天气查询", "时间查询", "简单问答", "复杂推理", "知识问答", "开放闲聊"],) * 2
        assert _ticks(results, int8) == (["天气查询", "my_own_intent", "简单问答", "开放闲聊", "时间查询", "知识问答"],) * 2
    assert _ticks(results, "routing_confusion") == (["local", "cloud"],) * 2
    del results["intents"]
    assert _ticks(results, merged) == (ids, ids)
    results["intents"] = dict.fromkeys(ids, "名")
    monkeypatch.setattr(style, "chinese_font", lambda: None)
    assert _ticks(results, merged) == (ids, ids)


@pytest.mark.parametrize("named", [True, False], ids=["Chinese names", "ids"])
def test_the_names_of_a_confusion_matrix_lie_on_the_figure_and_apart(results: dict[str, Any], named: bool) -> None:
    results["intents"] = results["intents"] if named else {}
    with style.look():
        sheets = [drawing.figure for drawing in confusion_figure.draw(results)]
        shown = [(sheet, _shown(sheet)) for sheet in sheets]
    for sheet, texts in shown:
        # The box of a slanted word is larger than the word.
        level = [text.get_window_extent() for text in texts if text.get_rotation() in (0, 90)]
        assert all(sheet.bbox.contains(*corner) for text in texts for corner in text.get_window_extent().get_points())
        assert not any(one.overlaps(other) for one, other in itertools.combinations(level, 2))


def test_the_memory_figure_shows_the_target_of_the_definition_that_gates(results: dict[str, Any]) -> None:
    with style.look():
        drawing, = memory_figure.draw(results)
    assert any("< 200 MB" in note.get_text() for note in drawing.figure.axes[0].texts)


def test_the_risk_coverage_curve_names_its_area_and_where_the_router_works(results: dict[str, Any]) -> None:
    with style.look():
        drawing, = risk_coverage_figure.draw(results)
        words = " ".join(text.get_text() for text in drawing.figure.axes[0].get_legend().get_texts())
        assert all(figure in words for figure in ("0.163", "0.154", "46.7 %", "3.4 %"))
        details = next(entry for entry in results["observations"] if entry["id"] == "routing.risk_coverage")["measurement"]["details"]
        details["operating"] = {"coverage": 0.0, "risk": None}
        drawing, = risk_coverage_figure.draw(results)
    assert len(drawing.figure.axes[0].get_legend().get_texts()) == 3


def test_hostile_names_are_drawn_as_they_are(tmp_path: Path, results: dict[str, Any]) -> None:
    for entry in results["claims"]:
        entry["caption"] = "$x^{ \\frac & %"
        details = entry["measurement"]["details"]
        if "intents" in details:
            details["intents"] = ["$a", "$b$", "\\c{", "_d", "%e", "&f"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures.render(results, tmp_path)


def _draw(text: str, path: Path) -> None:
    with style.look(), warnings.catch_warnings():
        warnings.simplefilter("error")
        sheet = style.figure(3)
        sheet.text(0.1, 0.5, text)
        style.write(style.Drawing("glyphs", text, sheet), path)


def test_chinese_renders_without_a_missing_glyph(tmp_path: Path) -> None:
    if fonts.chinese_font() is None:
        pytest.skip("no font with Chinese characters; pip install pylopdf-fonts-zh-cn")
    _draw("延迟分布 −3 ≥ 90 % ≈ →", tmp_path)


def test_the_check_sees_a_missing_glyph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "chinese_font", lambda: None)
    with pytest.raises(UserWarning, match="[Gg]lyph"):
        _draw("延迟分布", tmp_path)


def test_a_font_is_chosen_by_its_glyphs_not_by_its_name() -> None:
    dejavu = font_manager.findfont("DejaVu Sans")
    assert fonts.covers(dejavu, "P95") and not fonts.covers(dejavu, fonts.SAMPLE)
    assert not fonts.covers(__file__, "P95")
    if importlib.util.find_spec(fonts.PACKAGE):
        assert fonts.covers(str(fonts.packaged()), fonts.SAMPLE)


def test_without_a_font_the_captions_are_english_and_one_warning_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, results: dict[str, Any]
) -> None:
    monkeypatch.setattr(fonts, "_candidates", lambda: iter([font_manager.findfont("DejaVu Sans")]))
    fonts.chinese_font.cache_clear()
    try:
        with pytest.warns(UserWarning) as caught:
            figures.render(results, tmp_path)
        assert len(caught) == 1 and "pylopdf-fonts-zh-cn" in str(caught[0].message)
        assert len(list(tmp_path.glob("*.png"))) == len(ALWAYS | overviews(results))
    finally:
        fonts.chinese_font.cache_clear()
