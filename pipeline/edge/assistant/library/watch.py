"""Keep the index up to date while the student works in the folder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import watchfiles

from pipeline.edge.assistant.library.importing import Imported, import_folder
from pipeline.edge.assistant.library.index import Index
from pipeline.edge.assistant.library.reading import Limits
from pipeline.errors import EdgeError, told

DEBOUNCE, STEP = 1600, 200  # ms: changes so close together are one; how long after the last it begins


def watch(index: Index, folder: Path, stop: threading.Event | None = None, limits: Limits | None = None) -> Iterator[Imported]:
    """Import now, and again whenever something in the folder changes, until ``stop`` is set or the user interrupts.

    EdgeError where the folder is gone, or the system watches no more.
    """
    changes = watchfiles.watch(folder, debounce=DEBOUNCE, step=STEP, stop_event=stop, raise_interrupt=False, rust_timeout=STEP,
                               yield_on_timeout=True, ignore_permission_denied=True)
    try:
        begun = next(changes, None)  # first, so that no change during the first import is lost
    except OSError as error:
        raise EdgeError(f"{folder}: expected a folder of course files to watch, found {told(error)}; check the path") from None
    if begun is None:
        return
    yield import_folder(index, folder, limits)
    for changed in changes:
        if changed:
            yield import_folder(index, folder, limits)
