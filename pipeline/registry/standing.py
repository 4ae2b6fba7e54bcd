"""Which version bears which alias, and which did before: read off the audit, so that no other state can disagree with it."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.registry.audit import Event
from pipeline.registry.version import CHALLENGER, CHAMPION

ADD, PROMOTE, ROLLBACK = "add", "promote", "rollback"
Standing = dict[str, list[int]]


def standing(events: Iterable[Event]) -> Standing:
    """alias -> its versions, the present one last.

    A promotion puts a version on top, a roll back takes the top one off.  A challenger that becomes champion is no challenger any more.
    """
    found: Standing = {}
    for event in events:
        bearers = found.setdefault(event.alias, [])
        if event.action == PROMOTE:
            bearers.append(event.version)
            if event.alias == CHAMPION and found.get(CHALLENGER, [])[-1:] == [event.version]:
                found[CHALLENGER].clear()
        elif event.action == ROLLBACK and bearers:
            bearers.pop()
    return {alias: bearers for alias, bearers in found.items() if bearers}
