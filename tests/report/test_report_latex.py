"""LaTeX: every table is well formed whatever stands in it, and the document compiles where there is an engine."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.report import figures, latex
from pipeline.report.figures.style import Picture

SPECIAL = "\\&%$#_{}~^<>|\"`[]*-'≈≥≤×⁻⁵ \n"
PRINTED = {
    r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^", r"\textless{}": "<", r"\textgreater{}": ">",
    r"\textbar{}": "|", r"\textasciigrave{}": "`", r"\textquotedbl{}": '"', r"\&": "&", r"\%": "%", r"\$": "$", r"\#": "#", r"\_": "_",
    r"\{": "{", r"\}": "}", "{[}": "[", "{]}": "]", "{-}": "-", "{*}": "*",
    r"$\approx$": "≈", r"$\geq$": "≥", r"$\leq$": "≤", r"$\times$": "×", "$^{-}$": "⁻",
    **{f"$^{{{digit}}}$": letter for digit, letter in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
}
# A star or a bracket after a row's end is read as part of it, and -- is a dash: these too stand in braces.
TOKEN = re.compile("|".join([*map(re.escape, PRINTED), r"[^\\&%$#_{}~^<>|\"`\[\]*-]"]))
PHASE = re.compile(r"\\addlinespace \\multicolumn\{(\d+)\}\{l\}\{\\textbf\{(.*)\}\}")
RULES = {r"\toprule", r"\midrule", r"\bottomrule", r"\endfirsthead", r"\endhead", r"\endlastfoot", ""}
CAPTION = re.compile(r"\\caption\{[^{}\\]*\}\\label\{tab:[a-z]+\} \\\\")
HEADS = re.compile(r"\$[np]\$")


def _read(escaped: str) -> str:
    """What LaTeX prints for escaped text; fails where a character would mean something."""
    tokens = TOKEN.findall(escaped)
    assert "".join(tokens) == escaped, escaped
    return "".join(PRINTED.get(token, token) for token in tokens)


def _clean(text: str) -> str:
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def _check_balance(text: str) -> None:
    opened: list[str] = []
    for word, name in re.findall(r"\\(begin|end)(\{[a-z]+\}|group\b)", text):
        assert word == "begin" or opened.pop() == name, name
        opened += [name] if word == "begin" else []
    assert not opened
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", re.sub(r"\\\\", "", text)):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0


def _columns(specification: str) -> int:
    plain = re.sub(r"\{[^{}]*\}", "", specification).replace(">", "")
    assert set(plain) <= set("lrcp"), specification
    return len(plain)


def _rows(table: str) -> list[list[str]]:
    """The printed cells of a table, its head first; fails unless each row has as many as the table has columns."""
    specification, body = re.fullmatch(r".*?\\begin\{longtable\}\{(.*?)\}\n(.*)\\end\{longtable\}\n\\endgroup\n", table, re.DOTALL).groups()
    rows = []
    for line in body.split("\n"):
        if line in RULES or CAPTION.fullmatch(line):
            continue
        assert line.endswith(r" \\"), line
        if phase := PHASE.fullmatch(line.removesuffix(r" \\")):
            assert int(phase[1]) == _columns(specification)
            rows.append([_read(phase[2])])
            continue
        rows.append([_read(HEADS.sub("n", cell)) for cell in re.split(r"(?<!\\)&", line.removesuffix(r" \\"))])
        assert len(rows[-1]) == _columns(specification), line
    return [[cell.strip() for cell in row] for row in rows]


@pytest.fixture
def written(tmp_path: Path, results: dict[str, Any]) -> Callable[[str], dict[str, str]]:
    """written(text): every file by its name, with the text wherever text comes from outside."""

    def write(text: str) -> dict[str, str]:
        for entry in [*results["claims"], *results["observations"]]:
            entry["title"] = entry["caption"] = text
            entry["phase"] = f"phase {text}"
        for manifest in results["artifacts"].values():
            manifest["role"], manifest["inputs"] = text, {text: "key"}
        results["run"]["host"], results["run"]["profile"] = {"cpu": text}, text
        paths = latex.render(results, tmp_path, [Picture("p", text, Path("p.png"), Path("p.pdf"), [])])
        return {path.stem: path.read_text(encoding="utf-8") for path in paths}

    return write


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from(SPECIAL) | st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_hostile_titles_leave_every_table_well_formed_and_are_printed_as_they_are(
    written: Callable[[str], dict[str, str]], results: dict[str, Any], text: str
) -> None:
    parts = written(text)
    for part in parts.values():
        _check_balance(part)
    tables = {name: _rows(part)[2:] for name, part in parts.items() if name != "report"}
    lines = {"claims": len(results["claims"]) + 1, "paired": 3, "agreement": 1, "artifacts": 7}
    assert {name: len(rows) for name, rows in tables.items()} == lines
    assert tables["claims"].pop(0) == [_clean(f"phase {text}").strip()]
    assert {row[0] for rows in tables.values() for row in rows} == {_clean(text).strip()}
    caption, = re.findall(r"\\includegraphics\[width=14cm\]\{\.\./figures/p\.pdf\}\\caption\{(.*)\}\\end\{figure\}", parts["report"])
    assert _read(caption) == _clean(text)


def test_the_figures_of_a_table_are_those_of_the_record(results: dict[str, Any]) -> None:
    rows = _rows(latex.claims_table(results))
    assert ["端云路由准确率高于 85 %", "> 85 %", "94.0 %", "[92.9, 95.0]", "1,500", "通过", "+7.9"] in rows
    assert any(row[2] == "≈ 12.3 MB*" for row in rows if len(row) > 1)


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


def test_a_run_without_claims_compiles_too(tmp_path: Path, results: dict[str, Any]) -> None:
    latex.render({**results, "claims": [], "observations": [], "artifacts": {}}, tmp_path)
    _compile(tmp_path)


def test_every_special_character_is_escaped() -> None:
    text = latex.escape("\\ & % $ # _ { } ~ ^ < > | \" ` [x] * -- \n \x00 \x1b end")
    assert text == (r"\textbackslash{} \& \% \$ \# \_ \{ \} \textasciitilde{} \textasciicircum{} \textless{} \textgreater{} "
                    r"\textbar{} \textquotedbl{} \textasciigrave{} {[}x{]} {*} {-}{-}   end")
