"""Real course files, made on the spot."""

from __future__ import annotations

import zipfile
from pathlib import Path

from docx import Document
from pptx import Presentation
from pptx.util import Cm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

FONT = "STSong-Light"


def make_pdf(path: Path, pages: list[str], password: str | None = None) -> Path:
    """A page for each text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    canvas = Canvas(str(path), encrypt=password)
    for text in pages:
        canvas.setFont(FONT, 12)
        canvas.drawString(72, 720, text)
        canvas.showPage()
    canvas.save()
    return path


def make_slow_pdf(path: Path, before: list[str]) -> Path:
    """Pages that are read at once, then one that takes half a minute."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    canvas = Canvas(str(path), pageCompression=1)
    for text in before:
        canvas.setFont(FONT, 12)
        canvas.drawString(72, 720, text)
        canvas.showPage()
    canvas.addLiteral("BT /F1 12 Tf (a) Tj ET " * 400_000)
    canvas.showPage()
    canvas.save()
    return path


def make_pptx(path: Path, slides: list[tuple[str, str]]) -> Path:
    """A slide for each title and body; the notes say 备注 and the title."""
    path.parent.mkdir(parents=True, exist_ok=True)
    deck = Presentation()
    for title, body in slides:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text, slide.placeholders[1].text = title, body
        slide.notes_slide.notes_text_frame.text = f"备注{title}"
    deck.save(path)
    return path


def add_table_in_group(path: Path, cell: str, grouped: str) -> None:
    """To the last slide: a table, and a text box within a group."""
    deck = Presentation(path)
    shapes = deck.slides[-1].shapes
    shapes.add_table(1, 1, Cm(1), Cm(1), Cm(5), Cm(1)).table.cell(0, 0).text = cell
    shapes.add_group_shape().shapes.add_textbox(Cm(1), Cm(5), Cm(5), Cm(1)).text_frame.text = grouped
    deck.save(path)


def make_docx(path: Path, sections: list[tuple[str, str]]) -> Path:
    """A heading and a paragraph each, and a table at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = Document()
    for heading, text in sections:
        document.add_heading(heading, 1)
        document.add_paragraph(text)
    document.add_table(1, 1).cell(0, 0).text = "表格里的字"
    document.save(path)
    return path


def repacked(path: Path, part: str, content: bytes) -> None:
    """The zip with another content for one of its parts, compressed."""
    with zipfile.ZipFile(path) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, kept in {**parts, part: content}.items():
            target.writestr(name, kept)
