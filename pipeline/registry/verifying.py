"""Whether the registry is as its audit says: what was changed by other means, and what a process left half done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.registry.audit import Event
from pipeline.registry.standing import ADD, standing
from pipeline.registry.version import RECORD, Version


def head_of(events: Sequence[Event]) -> str:
    """What mlflow keeps of an audit, so that no end of it can be cut off unseen: how many entries, and the hash of the last."""
    return f"{len(events)} {events[-1].hash}" if events else ""


def differences(events: Sequence[Event], head: str, versions: Sequence[Version], aliases: Mapping[str, int]) -> list[str]:
    """What does not fit a whole audit, a phrase each.  head: what mlflow has kept of it."""
    if head != head_of(events):
        return [_behind(head, events)]
    added = {event.version: _fixed(event.details.get("parts", {})) for event in events if event.action == ADD}
    found = [f"version {version.version} is not what was added" for version in versions
             if not version.parts or added.get(version.version) != _fixed(version.parts)]
    wanted = {alias: bearers[-1] for alias, bearers in standing(events).items()}
    return found + [f"{alias} is {_told(aliases.get(alias))} in the registry and {_told(wanted.get(alias))} by the audit"
                    for alias in sorted({*wanted, *aliases}) if wanted.get(alias) != aliases.get(alias)]


def _fixed(parts: Mapping[str, str]) -> dict[str, str]:
    """The parts of a version that never change: a later run may speak for it."""
    return {part: key for part, key in parts.items() if part != RECORD}


def _behind(head: str, events: Sequence[Event]) -> str:
    """Why the registry's note of the audit's last entry is not that entry."""
    kept = head.partition(" ")[0] or "0"
    if head in [head_of(events[:end]) for end in range(len(events))]:
        return f"the registry has followed the audit to entry {kept} of {len(events)}: a process ended midway, and the next action mends it"
    return f"the registry knows of {kept} entries, the audit has {len(events)} others: its end was cut off or written anew"


def _told(version: int | None) -> str:
    return f"version {version}" if version else "no version"
