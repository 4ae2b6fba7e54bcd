"""Why operations stay off the Neural Engine, in lines."""

from __future__ import annotations

from pipeline.preflight.graph import Kept, Preflight


def reasons(found: Preflight) -> list[str]:
    """A line a kind of product and rule, with the first that was found, the most multiply-accumulates first; then the rest in one."""
    groups: dict[tuple[str, str], list[Kept]] = {}
    for one in found.idle:
        groups.setdefault((one.operation.kind, one.rule), []).append(one)
    lines = [(sum(one.operation.macs for one in ones), f"{len(ones)} {kind}: expected {rule}, found {ones[0].found}")
             for (kind, rule), ones in groups.items()]
    told = [f"{line} ({macs / 1e9:,.2f} G MAC)" for macs, line in sorted(lines, key=lambda line: -line[0])]
    others = [one for one in found.kept if not one.operation.macs]
    kinds = ", ".join(sorted({one.operation.kind for one in others}))
    return [*told, *([f"{len(others)} without a product: {kinds}"] if others else [])]
