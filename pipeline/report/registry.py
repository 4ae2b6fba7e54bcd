"""The registry's versions, its audit and an A/B test, as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.registry import Event, Version
from pipeline.registry.outcomes import Look
from pipeline.registry.split import ARMS


def row(version: Version) -> str:
    """One version in a line."""
    lineage = version.lineage
    words = (f"{version.version:>4}", f"{version.created:%Y-%m-%d %H:%M} UTC", f"{version.key[:12] or '-':<12}",
             f"{lineage.kind or '-':<14}", f"{lineage.profile or '-':<10}", verdicts(version), ", ".join(version.aliases))
    return "  ".join(words).rstrip()


def verdicts(version: Version) -> str:
    """How many claims about it are in which state."""
    states = list(version.lineage.verdicts.values())
    return ", ".join(f"{states.count(state)} {state.replace('_', ' ')}" for state in sorted(set(states))) or "not measured yet"


def whole(version: Version) -> Iterator[str]:
    """One version with its lineage, its claims and its recipe."""
    lineage = version.lineage
    facts = {"aliases": ", ".join(version.aliases), "created": f"{version.created:%Y-%m-%d %H:%M:%S} UTC", "profile": lineage.profile,
             "kind": lineage.kind, "key": lineage.key, "decision": lineage.decision, "data": lineage.data, "base": lineage.base}
    yield str(version)
    yield from (f"  {name:<10} {value or '-'}" for name, value in facts.items())
    for claim, state in lineage.verdicts.items():
        value = lineage.metrics.get(claim)
        yield f"  {state:<13} {claim:<32} {'' if value is None else f'{value:.6g}'}".rstrip()
    if lineage.recipe:
        yield "  recipe"
        yield from (f"    {line}" for line in lineage.recipe.splitlines())


def entry(event: Event) -> str:
    """One entry of the audit in a line."""
    did = f"{event.action} version {event.version}" + (f" as {event.alias}" if event.alias else "")
    told = {"was version ": event.details.get("from"), "run ": event.details.get("run"), "": str(event.details.get("key") or "")[:12]}
    more = ", ".join(f"{word}{value}" for word, value in told.items() if value)
    return f"{event.number:>4}  {event.at}  {event.by:<16} {did:<34} {event.hash[:12]}  {more}".rstrip()


def compared(look: Look, versions: Sequence[int], confidence: float) -> Iterator[str]:
    """An A/B test so far: units and mean by arm, the difference, and what to do."""
    for arm, version, units, mean in zip(ARMS, versions, look.units, look.means, strict=True):
        yield f"{arm:<10}  version {version:<4} {units:>8} units" + (f"  {100 * mean:.1f} % good" if units else "")
    yield (f"challenger less champion: {100 * look.bounds.lower:.1f} to {100 * look.bounds.upper:.1f} points, "
           f"each bound at {100 * confidence:g} % however often one looks")
    yield look.decision
