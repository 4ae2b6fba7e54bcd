"""What a check says, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it stands, what was found and what to do about it (empty when there is nothing)."""

    name: str
    state: Literal["ok", "warn", "fail"]
    found: str
    do: str = ""


Checks = dict[str, Callable[[], Finding]]


def render(findings: Sequence[Finding]) -> str:
    """Plain aligned lines: state, name, what was found, what to do."""
    width = max((len(finding.name) for finding in findings), default=0)
    lines = (
        f"{finding.state:<4}  {finding.name:<{width}}  {finding.found}" + (f" -> {finding.do}" if finding.do else "")
        for finding in findings
    )
    return "\n".join(" ".join(line.split("\n")) for line in lines)


def exit_code(findings: Sequence[Finding]) -> int:
    return 1 if any(finding.state == "fail" for finding in findings) else 0
