"""Bearer tokens: random, shown once, kept as a hash, each with its scopes.

A token holds 256 random bits, so there is no dictionary to try: SHA-256 is enough, and a slow hash such as scrypt would only make every
request slow.  What is compared is the hash, in constant time; the file says nothing that could be sent.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.atomic import write_atomically
from pipeline.errors import EdgeError
from pipeline.runtime.files import read_object

SCOPES = {"read": "look at jobs, models and searches", "submit": "send jobs and cancel them", "deploy": "promote a model and roll it back"}
PREFIX = "edge_"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Holder:
    """Who sends a request: the token's name and what it allows."""

    name: str
    scopes: frozenset[str]


class Tokens:
    """The tokens of one file, which is read anew when it has changed, so that a removed token is refused at once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._sign: tuple[int, int, int] | None = None
        self._known: dict[str, dict[str, object]] = {}

    def any(self) -> bool:
        return bool(self._read())

    def holder(self, token: str) -> Holder | None:
        """Whose token that is, None for nobody's.  Every hash is compared, whether one has matched or not."""
        given, found = _hash(token), None
        for name, entry in self._read().items():
            if hmac.compare_digest(str(entry["sha256"]), given):
                found = Holder(name, frozenset(map(str, entry["scopes"])))  # type: ignore[call-overload]
        return found

    def add(self, name: str, scopes: Iterable[str]) -> str:
        """A new token; nobody can read it again.  EdgeError for a name that is taken or a scope that is unknown."""
        wanted = sorted(set(scopes))
        if not NAME.fullmatch(name):
            raise EdgeError(f"expected a name of at most 64 of a-z, 0-9, . _ -, found {name!r}; choose another")
        if not wanted or (unknown := [scope for scope in wanted if scope not in SCOPES]):
            raise EdgeError(f"expected scopes of {', '.join(SCOPES)}, found {', '.join(unknown) if wanted else 'none'}; name one")
        token = PREFIX + secrets.token_urlsafe(32)
        with self._alone():
            known = self._read()
            if name in known:
                raise EdgeError(f"token {name}: expected a new name, found it taken; remove that token or choose another")
            added = datetime.now(UTC).isoformat(timespec="seconds")
            self._write({**known, name: {"sha256": _hash(token), "scopes": wanted, "added": added}})
        return token

    def remove(self, name: str) -> None:
        with self._alone():
            known = dict(self._read())
            if known.pop(name, None) is None:
                raise EdgeError(f"token {name}: expected one of {', '.join(known) or 'none'}, found no such token; see edge api token list")
            self._write(known)

    def list(self) -> dict[str, dict[str, object]]:
        """Name -> scopes and when it was added."""
        return {name: {"scopes": entry["scopes"], "added": entry["added"]} for name, entry in self._read().items()}

    def _read(self) -> dict[str, dict[str, object]]:
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return {}
        if (sign := (found.st_mtime_ns, found.st_ino, found.st_size)) != self._sign:
            content = read_object(self._file, "the tokens")
            if not all(isinstance(entry, dict) and {"sha256", "scopes", "added"} <= entry.keys() for entry in content.values()):
                raise EdgeError(f"{self._file}: expected tokens as edge api token writes them, found another form; remove the file")
            self._known, self._sign = content, sign
        return self._known

    def _write(self, known: dict[str, dict[str, object]]) -> None:
        write_atomically(self._file, json.dumps(known, indent=1, ensure_ascii=False), durable=True)
        self._file.chmod(0o600)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.with_name(f"{self._file.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
