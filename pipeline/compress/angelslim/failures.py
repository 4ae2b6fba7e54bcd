"""Which failures are the machine's or AngelSlim's package's, so that another method may take its place; all others are mistakes."""

from __future__ import annotations

from collections.abc import Iterator

NO_CUDA = ("not compiled with cuda", "no cuda gpus are available", "found no nvidia driver")
NO_MEMORY = ("out of memory", "cannot allocate memory")
NO_SPACE = ("no space left on device", "disk quota exceeded")


def unavailable(error: BaseException) -> str | None:
    """Why AngelSlim cannot do it here, in one line, or None where the failure is a mistake of somebody's."""
    for each in _chain(error):
        if reason := _reason(each):
            return reason
    return None


def _reason(error: BaseException) -> str | None:
    text = " ".join(str(error).split())
    if isinstance(error, ImportError):
        return f"its package is incomplete: {text}"
    if isinstance(error, MemoryError) or _says(error, text, NO_MEMORY):
        return f"out of memory: {text or type(error).__name__}"
    if _says(error, text, NO_SPACE):
        return f"the disk is full: {text}"
    if _says(error, text, NO_CUDA):
        return f"no accelerator: {text}"
    return None


def _says(error: BaseException, text: str, phrases: tuple[str, ...]) -> bool:
    return isinstance(error, Exception) and any(phrase in text.lower() for phrase in phrases)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
