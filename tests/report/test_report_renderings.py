"""Every claim stands in every rendering with the same numbers, and no text can break out of its place."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipeline.report import format as fmt
from pipeline.report import latex, markdown, terminal
from pipeline.report.markdown.text import plain, table
from pipeline.report.results import claims, read_results, write_results
from tests.report.conftest import moved

HTML = MarkdownIt("commonmark").enable("table")
NAMES = [f"edge_poc_{name}_report.md" for name in ("performance", "accuracy", "integration")]


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _texts(html: str) -> str:
    import html as library

    return library.unescape(re.sub(r"<[^>]+>", "\x1f", html))


def test_every_claim_stands_in_every_rendering_with_the_same_numbers(tmp_path: Path, results: dict[str, Any]) -> None:
    """What rounding shows in one place is what it shows in all: rendered from the file, not from memory."""
    write_results(tmp_path / "results.json", results)
    record = read_results(tmp_path / "results.json")
    screen = _squeezed(terminal.render(record))
    paths = markdown.render(record, tmp_path)
    assert [path.name for path in paths] == NAMES
    pages = [path.read_text(encoding="utf-8") for path in paths]
    tables = latex.claims_table(record)
    for claim in claims(record):
        measured, interval, margin = fmt.measured(claim), fmt.interval(claim), fmt.margin(claim)
        row = next(line for line in pages[2].splitlines() if f"| {plain(claim.id)} |" in line)
        for text in (fmt.target(claim), measured, interval, margin, fmt.count(claim.n), fmt.STATES[claim.state].word):
            assert f" {fmt.chinese(text)} " in row or f"({text})" in row, (claim.id, text)
        routes = ("rout" in claim.phase or claim.metric.startswith("rout")) and claim.unit != "ms"
        assert sum(f"| {plain(claim.id)} |" in page for page in pages[:2]) == (0 if routes else 1)
        for text in (fmt.target(claim), measured, fmt.interval(claim, unit=False), fmt.margin(claim, unit=False)):
            assert _squeezed(text).replace("(indicative)", "") in screen, (claim.id, text)
        assert latex.escape(fmt.interval(claim, unit=False)).replace("exact", "精确值") in tables
        assert latex.escape(claim.caption) in tables


@pytest.mark.parametrize("width", [20, 40, 83, 84, 100, 160])
def test_no_line_of_the_table_is_wider_than_the_terminal_and_nothing_is_cut(results: dict[str, Any], width: int) -> None:
    text = terminal.render(results, width)
    assert max(map(len, text.splitlines())) <= width and "…" not in text and "\x1b" not in text
    for claim in claims(results):
        words = claim.title.split()
        assert all(word in text for word in words if len(word) < min(width, 20) - 4), claim.title
        assert fmt.STATES[claim.state].word.split()[0] in text


def test_the_table_says_who_measured_what_where_and_why_not(results: dict[str, Any]) -> None:
    text = terminal.render(results)
    assert "reference" in text and "AMD EPYC 9B14" in text and "gate red (exit code 1)" in text
    assert re.search(r"≈ 6\.1 ms.*\n.*\(indicative\)", text)
    words = " ".join(text.split())
    for claim in claims(results):
        assert claim.state == "pass" or (claim.id in words and claim.message in words)


def test_a_terminal_gets_colour_and_a_pipe_plain_text(results: dict[str, Any]) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    pipe = io.StringIO()
    terminal.show(results, pipe)
    assert pipe.getvalue() == terminal.render(results)
    latin = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    terminal.show(results, latin)
    latin.flush()
    assert b"~ 6.1 ms" in latin.buffer.getvalue()


def test_the_terminal_says_how_claims_moved_worst_first(results: dict[str, Any]) -> None:
    for claim, state in (("data.valid", "unchanged"), ("accuracy.merged", "improved"), ("routing.accuracy", "regressed")):
        moved(results, claim, state)
    lines = [line.strip() for line in terminal.render(results).splitlines()]
    place = lines.index("regressed: routing.accuracy")
    assert lines[place + 1] == "routing.accuracy moved (worse by +3.4 points [2.0, 5.0])"
    assert lines[place + 2] == "improved: accuracy.merged" and not any(line.startswith("unchanged") for line in lines)


def test_no_text_steers_the_terminal(results: dict[str, Any]) -> None:
    for entry in results["claims"]:
        entry["title"] = entry["verdict"]["message"] = results["run"]["profile"] = "[red]a\x1b]0;b\x07\x9b31m\rc"
    text = terminal.render(results)
    assert "[red]a" in text and not set("\x1b\x07\x9b\r") & set(text)


def test_a_run_without_claims_is_rendered_too(tmp_path: Path, results: dict[str, Any]) -> None:
    empty = {**results, "claims": [], "observations": [], "artifacts": {}, "training": None}
    assert "0 claims" in terminal.render(empty)
    assert len(markdown.render(empty, tmp_path)) == 3
    latex.render(empty, tmp_path / "latex")


def test_hostile_text_stays_text_in_markdown(tmp_path: Path, hostile: dict[str, Any]) -> None:
    wanted = " ".join("a|b *c* _d_ \\e &f %g $h$ #i <b>j</b> ~k^ {l} `m` [n](o)\nline two".split())
    for path in markdown.render(hostile, tmp_path):
        html = HTML.render(path.read_text(encoding="utf-8"))
        assert wanted in _texts(html)
        assert "<b>" not in html and "<em>" not in html and 'href="o"' not in html
        for line in re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL):
            assert len(re.findall("<t[hd]", line)) >= 2


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(list("|\\`*_<>&[]()!~$# \n")), min_size=1, max_size=40))
def test_any_text_in_a_cell_is_shown_as_it_is(text: str) -> None:
    html = HTML.render(table(["h", "i"], [["x" + plain(text) + "y", "end"]]))
    cells = re.findall(r"<td>(.*?)</td>", html, re.DOTALL)
    assert len(cells) == 2
    assert _texts(cells[0]) == " ".join(f"x{' '.join(text.split())}y".split(" ")) and "<" not in cells[0]


def test_one_matrix_behind_three_claims_is_printed_once_and_names_them(tmp_path: Path, results: dict[str, Any]) -> None:
    page = markdown.render(results, tmp_path)[2].read_text(encoding="utf-8")
    heading, = (line for line in page.splitlines() if line.startswith("## 路由混淆矩阵"))
    assert all(plain(f"routing.{name}") in heading for name in ("accuracy", "beats_always_edge", "beats_always_cloud"))


def _table(page: str, heading: str) -> list[list[str]]:
    """The rows of the first table under the heading, without its head; none where there is no such heading."""
    lines = page.partition(f"## {heading}")[2].partition("\n## ")[0].splitlines()
    return [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")][2:]


def test_the_routing_policies_stand_side_by_side(tmp_path: Path, results: dict[str, Any]) -> None:
    page = markdown.render(results, tmp_path)[2].read_text(encoding="utf-8")
    assert _table(page, "路由策略比较") == [["全部云侧 (always-cloud)", "50.0 %", "0 %", "0 %", "100 %"],
                                     ["规则加模型（实际部署） (combined)", "93.5 %", "3.2 %", "64.0 %", "36.6 %"]]
    assert "端侧 0.01、云侧 1，" in page


def test_the_functions_stand_beside_what_words_alone_do(tmp_path: Path, results: dict[str, Any]) -> None:
    page = markdown.render(results, tmp_path)[2].read_text(encoding="utf-8")
    assert _table(page, "问题改写与工具选择")[0] == ["问题改写 (rewriting)", "75.0 %", "50.0 %", plain("follow_up 3/4，pronoun 0/0")]
    assert "北京今天天气怎么样 / 那明天呢" in page


def test_the_p_of_paired_claims_and_the_logit_differences_are_shown(tmp_path: Path, results: dict[str, Any]) -> None:
    pages = [path.read_text(encoding="utf-8") for path in markdown.render(results, tmp_path)]
    assert _table(pages[1], "配对比较") == [["INT8 量化的准确率损失低于 2 个百分点", "1,500", "3", "0", "0.250", "通过"]]
    assert [row[1:5] for row in _table(pages[2], "配对比较")][1:] == [["1,500", "0", "660", plain("< 0.001")]] * 2
    row, = _table(pages[1], "预测一致性")
    assert row == ["ONNX 与 PyTorch 的预测一致率高于 99 %", "1,500", "97.3 %", "40", "1.05 × 10⁻⁵", "1.04 × 10⁻⁶"]
    latex.render(results, tmp_path)
    assert r"& 3 & 0 & 0.250 & 通过 \\" in (tmp_path / "paired.tex").read_text(encoding="utf-8")
    assert r"& 40 & 1.05 $\times$ 10$^{-}$$^{5}$ &" in (tmp_path / "agreement.tex").read_text(encoding="utf-8")
    document = (tmp_path / "report.tex").read_text(encoding="utf-8")
    assert r"\input{paired.tex}" in document and r"\input{agreement.tex}" in document


def test_pairs_and_agreements_that_were_not_measured_leave_no_table(tmp_path: Path, results: dict[str, Any]) -> None:
    """Nor does a record whose figures were not kept break one."""
    for entry in results["claims"]:
        if entry["id"] == "onnx.agreement":
            entry["measurement"]["details"] = {"largest_logit_difference": 0.25}
            entry["measurement"]["outcomes"] = []
        if entry["id"] == "quantization.accuracy_loss":
            del entry["measurement"]["reference"]
    page = markdown.render(results, tmp_path)[1].read_text(encoding="utf-8")
    assert _table(page, "配对比较")[0][1:5] == ["1,500", "-", "-", "0.250"]
    assert _table(page, "预测一致性")[0][1:] == ["-", "-", "-", "0.250", "-"]
    for entry in results["claims"]:
        entry["measurement"]["details"], entry["verdict"]["p_value"] = None, None
    pages = [path.read_text(encoding="utf-8") for path in markdown.render(results, tmp_path)]
    assert not any("McNemar" in page or "logit 最大差" in page for page in pages)
    latex.render(results, tmp_path)
    assert [(tmp_path / f"{name}.tex").read_text(encoding="utf-8") for name in ("paired", "agreement")] == ["", ""]


def test_what_was_not_measured_is_said_plainly(tmp_path: Path, results: dict[str, Any]) -> None:
    page = markdown.render(results, tmp_path)[0].read_text(encoding="utf-8")
    section = page.split("## 未测量的目标及原因")[1].split("\n## ")[0]
    for claim in claims(results):
        assert (f"- {plain(claim.id)}（" in section) == (claim.state == "not_measured" and claim.unit in markdown.SCALE)
    assert "所见数值 ≈ 6.1 ms（仅供参考）" in section and "powermetrics needs an Apple M4" in section
