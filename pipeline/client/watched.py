"""A configuration that may change while it is used."""

from __future__ import annotations

import logging
from pathlib import Path
from threading import Lock

from pipeline.client.endpoint import Endpoint
from pipeline.client.settings import EndpointSettings, Settings, read_settings
from pipeline.errors import EdgeError

LOG = logging.getLogger("pipeline.client")


class Watched:
    """The settings of a file as it stands now, and its endpoints, opened.

    The file is looked at whenever it is asked for.  A change with a mistake in it is told once, and what was read before stays.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, Lock()
        self._seen = self._stamp()
        self._settings = read_settings(path)
        self._open: dict[str, Endpoint] = _opened(self._settings, {})
        self._retired: list[Endpoint] = []  # an answer may still be coming from one of them
        self.mistake = ""

    def now(self) -> tuple[Settings, dict[str, Endpoint]]:
        with self._lock:
            if (stamp := self._stamp()) != self._seen:
                self._seen = stamp
                self._read()
            return self._settings, self._open

    def close(self) -> None:
        for endpoint in (*self._open.values(), *self._retired):
            endpoint.close()

    def _read(self) -> None:
        try:
            settings = read_settings(self._path)
            opened = _opened(settings, self._open)
        except (EdgeError, OSError) as error:
            self.mistake = str(error)
            LOG.warning("%s; the configuration from before stays", error)
            return
        self._retired += [one for one in self._open.values() if one not in opened.values()]
        self._settings, self._open, self.mistake = settings, opened, ""

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _opened(settings: Settings, known: dict[str, Endpoint]) -> dict[str, Endpoint]:
    """Those that did not change stay, with what they know of their servers' failures."""
    return {name: _same(known.get(name), of) or Endpoint(name, of) for name, of in settings.endpoints.items()}


def _same(known: Endpoint | None, settings: EndpointSettings) -> Endpoint | None:
    return known if known is not None and known.settings == settings else None
