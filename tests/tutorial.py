"""What a page of docs/ says: its commands with the lines that they print, and its files."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def commands(page: str) -> list[tuple[str, list[str]]]:
    """Each command and the lines below it, in order."""
    found: list[tuple[str, list[str]]] = []
    for line in "".join(block for block in _blocks(page, "") if block.startswith("$ ")).splitlines():
        found.append((line.removeprefix("$ "), [])) if line.startswith("$ ") else found[-1][1].append(line)
    return found


def files(page: str) -> dict[str, str]:
    """Name -> content of the blocks that begin with a comment which names a file."""
    named = {re.match(r"# (\S+\.\w+)\n", block): block for block in _blocks(page, "(?:yaml|python)")}
    return {name[1]: block for name, block in named.items() if name}


def matches(said: str, expected: list[str]) -> bool:
    """Whether the lines are as expected: ``...`` stands for anything in its line, alone in one for any lines."""
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else f"{'.*'.join(map(re.escape, line.split('...')))}\n" for line in expected)
    return re.fullmatch(pattern, f"{said.strip()}\n" if said.strip() else "") is not None


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
