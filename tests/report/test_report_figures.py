"""Figures: written, readable, with Chinese that renders."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib import font_manager
from PIL import Image

from pipeline.report import figures, latex
from pipeline.report.figures import fonts, style
from pipeline.report.figures import latency as latency_figure
from pipeline.report.figures import memory as memory_figure

ALWAYS = {"overview", "latency", "speedup", "memory", "intent_confusion_accuracy_merged", "intent_confusion_accuracy_int8",
          "routing_confusion", "calibration", "training"}


def test_all_figures_are_written_once_with_expected_sizes(tmp_path: Path, results: dict[str, Any]) -> None:
    (tmp_path / "stale.png").write_bytes(b"")
    before = dict(matplotlib.rcParams)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pictures = figures.render(results, tmp_path)
    assert {picture.name for picture in pictures} == ALWAYS
    assert dict(matplotlib.rcParams) == before
    for picture in pictures:
        with Image.open(picture.png) as image:
            assert image.format == "PNG" and round(image.info["dpi"][0]) == 200
            assert abs(image.width - 14 / 2.54 * 200) <= 1 and image.height > 300
            assert len(image.convert("L").getcolors()) > 20
        assert picture.pdf.read_bytes().startswith(b"%PDF") and picture.caption
        assert set(picture.claims) <= {entry["id"] for entry in [*results["claims"], *results["observations"]]}
    assert {path.stem for path in tmp_path.iterdir()} == ALWAYS


def test_a_figure_without_data_is_left_out(tmp_path: Path, results: dict[str, Any]) -> None:
    for entry in [*results["claims"], *results["observations"]]:
        entry["measurement"] = {"shape": "not_measured", "metric": "m", "unit": "ms", "reason": "r"}
    results["training"] = None
    assert [picture.name for picture in figures.render(results, tmp_path)] == ["overview"]
    results["claims"] = []
    assert figures.render(results, tmp_path) == [] and not list(tmp_path.iterdir())


def test_what_lies_beyond_the_histogram_is_said(results: dict[str, Any]) -> None:
    for entry in results["claims"]:
        if entry["metric"] == "latency":
            entry["measurement"]["values"][:2] = [9e4, 9e5]
    with style.look():
        sheet = next(drawing for drawing in latency_figure.draw(results) if drawing.name == "latency").figure
        labels = [text.get_text() for text in sheet.axes[0].get_legend().get_texts()]
    drawn = sum(bar.get_height() for bar in sheet.axes[0].patches)
    beyond = {label.split()[0]: int((re.findall(r"n = 400\D+(\d+)", label) or [0])[0]) for label in labels}
    assert beyond["onnx-int8"] == 2 and drawn + sum(beyond.values()) == 800


def test_the_memory_figure_shows_the_target_of_the_definition_that_gates(results: dict[str, Any]) -> None:
    with style.look():
        drawing, = memory_figure.draw(results)
    assert any("< 200 MB" in note.get_text() for note in drawing.figure.axes[0].texts)


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
        assert len(list(tmp_path.glob("*.png"))) == len(ALWAYS)
    finally:
        fonts.chinese_font.cache_clear()


def _compile(folder: Path) -> str:
    engine = shutil.which("xelatex")
    if engine is None:
        pytest.skip("no TeX engine here: install one with xelatex and ctex (Debian: texlive-xetex texlive-lang-chinese)")
    style_file = subprocess.run(["kpsewhich", "ctexart.cls"], capture_output=True, text=True, timeout=30)
    if not style_file.stdout.strip():
        pytest.skip("xelatex is here, ctex is not: install texlive-lang-chinese")
    command = [engine, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "report.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]
    return (folder / "report.log").read_text(encoding="utf-8", errors="replace")


def test_the_latex_document_compiles_with_its_figures(tmp_path: Path, results: dict[str, Any]) -> None:
    pictures = figures.render(results, tmp_path / "figures")
    latex.render(results, tmp_path / "latex", pictures)
    log = _compile(tmp_path / "latex")
    assert "Missing character" not in log and (tmp_path / "latex" / "report.pdf").stat().st_size > 50_000


def test_hostile_text_compiles_too(tmp_path: Path, hostile: dict[str, Any]) -> None:
    latex.render(hostile, tmp_path / "latex")
    log = _compile(tmp_path / "latex")
    assert "Missing character" not in log
    if shutil.which("pdftotext"):
        text = subprocess.run(["pdftotext", "-layout", str(tmp_path / "latex" / "report.pdf"), "-"], capture_output=True, text=True,
                              timeout=30).stdout
        assert "<b>j</b>" in text.replace(" ", "")


def test_every_special_character_is_escaped() -> None:
    text = latex.escape("\\ & % $ # _ { } ~ ^ < > | \" ` [x] -- \n \x00 \x1b end")
    assert text == (r"\textbackslash{} \& \% \$ \# \_ \{ \} \textasciitilde{} \textasciicircum{} \textless{} \textgreater{} "
                    r"\textbar{} \textquotedbl{} \textasciigrave{} {[}x{]} {-}{-}   end")
