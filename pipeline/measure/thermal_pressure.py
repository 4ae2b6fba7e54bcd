"""macOS's thermal pressure, which `powermetrics` tells root only: the system also publishes it as a notification's state."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

LIBRARY = "/usr/lib/libSystem.B.dylib"
NOTIFICATION = b"com.apple.system.thermalpressurelevel"  # kOSThermalNotificationPressureLevelName
LEVELS = ("nominal", "moderate", "heavy", "trapping", "sleeping")  # OSThermalPressureLevel on macOS, from 0


def thermal_pressure() -> str | None:
    """The level's name; None where there is none to read, on Linux or when the system refuses.  Never raises."""
    state = None
    if sys.platform == "darwin":
        with suppress(OSError, AttributeError, ctypes.ArgumentError):  # no library, no such function in it, a strange type
            state = _state(ctypes.CDLL(LIBRARY))
    return None if state is None else level(state)


def level(state: int) -> str:
    """The name of the state's number, or the number itself for one that Apple has added since."""
    return LEVELS[state] if 0 <= state < len(LEVELS) else f"level {state}"


def _state(system: ctypes.CDLL) -> int | None:
    """<notify.h>: every function returns 0 when it did what was asked."""
    token, state = ctypes.c_int(), ctypes.c_uint64()
    if system.notify_register_check(ctypes.c_char_p(NOTIFICATION), ctypes.byref(token)) != 0:
        return None
    try:
        return int(state.value) if system.notify_get_state(token, ctypes.byref(state)) == 0 else None
    finally:
        system.notify_cancel(token)
