"""The registry: mlflow keeps versions, tags and aliases; the files lie beside it by content; the audit decides who bears an alias."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pipeline.errors import EdgeError
from pipeline.registry import evidence
from pipeline.registry.audit import Audit, Event, TakenError, event
from pipeline.registry.connection import ABSENT, PRESENT, SQLITE, check_url, connect, database_file, one_line
from pipeline.registry.content import Content
from pipeline.registry.standing import ADD, PROMOTE, ROLLBACK, Standing, standing
from pipeline.registry.verifying import differences, head_of
from pipeline.registry.version import CHAMPION, DECISION, MODEL, RECORD, VERSION, Lineage, Version, check_alias, check_name
from pipeline.store.place import project_root

if TYPE_CHECKING:
    from mlflow import MlflowClient

URL_VARIABLE, ARTIFACTS_VARIABLE = "EDGE_REGISTRY_URL", "EDGE_REGISTRY_ARTIFACTS"
LINEAGE, PARTS, HEAD = "edge.lineage", "edge.parts", "edge.audit"  # mlflow's tags: of a version, and of a model
RECORD_FILE = "results.json"
MOST = 1000  # what mlflow gives on one page


def open_registry(url: str | None = None, artifacts: str | None = None, thresholds: Path | None = None) -> Registry:
    """The registry at a URL: `EDGE_REGISTRY_URL`, else an SQLite file and a folder in the project's ``.edge/registry``.

    artifacts: an fsspec URL for the files and the audit (`EDGE_REGISTRY_ARTIFACTS`); beside an SQLite file if nothing is said.
    thresholds: the targets a record must have been judged by [the project's thresholds.yaml].  Nothing is opened yet.
    """
    root = project_root(Path.cwd())
    url = check_url(url or os.environ.get(URL_VARIABLE) or f"{SQLITE}{root / '.edge' / 'registry' / 'registry.db'}")
    artifacts = artifacts or os.environ.get(ARTIFACTS_VARIABLE)
    file = database_file(url)
    if url.startswith("http") and artifacts and (artifacts.startswith("file:") or "://" not in artifacts):
        raise EdgeError(f"expected a shared place of the models' files, found {artifacts}, which an mlflow server takes from nobody; "
                        "give --artifacts-url such as s3://BUCKET/models")
    if not artifacts and file is None:
        raise EdgeError("expected the place of the models' files with a shared registry, found none; give --artifacts-url or "
                        f"${ARTIFACTS_VARIABLE}, such as s3://BUCKET/models")
    return Registry(url, artifacts or file.absolute().parent.as_uri(), thresholds or root / "thresholds.yaml")


class Registry:
    """Versions of models.  Nothing holds a lock: an action counts from the moment when its entry is in the audit."""

    def __init__(self, url: str, artifacts: str, thresholds: Path) -> None:
        self.url, self.artifacts, self.thresholds = url, artifacts, thresholds
        self.content = Content(artifacts)

    def models(self) -> list[str]:
        """The names of all models, sorted."""
        found: list[str] = []
        with one_line(self.url):
            page = self._client.search_registered_models(max_results=MOST) if self._there() else []
            while page:
                found += [model.name for model in page]
                token = page.token
                page = self._client.search_registered_models(max_results=MOST, page_token=token) if token else []
        return sorted(found)

    def versions(self, name: str) -> list[Version]:
        """Every version of a model, oldest first; EdgeError for a model that is not there."""
        self._model(name)
        found: list[Any] = []
        with one_line(self.url):
            page = self._client.search_model_versions(f"name = '{name}'", max_results=MOST)
            while page:
                found += page
                page = self._client.search_model_versions(f"name = '{name}'", MOST, page_token=page.token) if page.token else []
        bearers = self._aliases(name)  # a search does not tell them
        return sorted((_version(one, bearers) for one in found), key=lambda version: version.version)

    def version(self, name: str, version_or_alias: int | str) -> Version:
        """One version, by its number or by an alias; EdgeError where there is none."""
        bearers = self._aliases(name)
        which = str(version_or_alias)
        if not VERSION.fullmatch(which) and check_alias(which) not in bearers:
            raise EdgeError(f"expected a version with the alias {which} of {name}, found {', '.join(sorted(bearers)) or 'no alias'}; "
                            f"promote one (edge registry promote {name}@VERSION)")
        number = bearers.get(which) or int(which)
        found = self._asked(lambda client: client.get_model_version(name, str(number)))
        if found is None:
            raise EdgeError(f"expected a version {number} of {name}, found none; edge registry show {name} lists them")
        return _version(found, bearers)

    def register(self, name: str, directory: Path, *, lineage: Lineage, by: str, decision: Path | None = None,
                 record: Path | None = None) -> Version:
        """A new version of a model: its files, its decision's, and the record of the run that measured it, if there is one.

        The record may be red, but has to be about ``lineage.key``.
        """
        entry = event(by, ADD, check_name(name), 0)
        if record is not None:
            found = evidence.about(record, lineage.key)
            lineage = replace(lineage, profile=found.profile, metrics=found.metrics, verdicts=found.verdicts)
        parts = {MODEL: self.content.put(directory, lineage.kind or MODEL)}
        if decision is not None:
            parts[DECISION] = self.content.put(decision, DECISION)
        if record is not None:
            parts[RECORD] = self._keep(record)
        tags = {LINEAGE: json.dumps(asdict(lineage), ensure_ascii=False), PARTS: json.dumps(parts)}
        self._asked(lambda client: client.create_registered_model(name))
        with one_line(self.url):
            made = self._client.create_model_version(name, self.content.source(parts[MODEL]), tags=tags, await_creation_for=0)
        number = int(made.version)
        self._act(name, lambda _: replace(entry, version=number, details={"key": lineage.key, "parts": parts}))
        return self.version(name, number)

    def promote(self, name: str, version: int | str, *, by: str, record: Path | None = None, alias: str = CHAMPION) -> Version:
        """Give a version an alias, if the record of a run (the registered one, if none is given) lets it through.

        EdgeError with the reason where the run was red, partial, judged by other targets, or did not measure these very files.
        """
        found, entry = self.version(name, version), event(by, PROMOTE, name, 0, check_alias(alias))
        with TemporaryDirectory() as kept:
            shown = record or self._recorded(found, Path(kept))
            judged = evidence.check(shown, str(record or f"the record of {found}"), self.thresholds, self._serves(found))
            record_key = self._keep(shown)

        def next_event(now: Standing) -> Event:
            bearers = now.get(alias, [])
            if bearers[-1:] == [found.version]:
                raise EdgeError(f"expected a version that is not {alias} yet, found {found}; nothing to do")
            details = {"from": bearers[-1] if bearers else None, "run": judged.run, "record": record_key, "key": found.key}
            return replace(entry, version=found.version, details=details)

        self._tell(found, judged, record_key)
        self._act(name, next_event)
        return self.version(name, found.version)

    def rollback(self, name: str, *, by: str, alias: str = CHAMPION) -> Version:
        """The version that had the alias before gets it back.  No record is asked for: it was let through when it was promoted.

        An alias other than champion goes when there was none before, and the version that had it is returned.  EdgeError where there
        is nothing before the champion, or where another process moved the alias at the same moment: two people who roll back at once
        go back once.
        """
        self._model(name)
        entry = event(by, ROLLBACK, name, 0, check_alias(alias))

        def next_event(now: Standing) -> Event:
            bearers = now.get(alias, [])
            if len(bearers) < (2 if alias == CHAMPION else 1):
                raise EdgeError(f"expected an earlier {alias} of {name}, found none; promote another version")
            return replace(entry, version=bearers[-2] if len(bearers) > 1 else bearers[-1], details={"from": bearers[-1]})

        made = self._act(name, next_event, again=False)
        return self.version(name, made.version)

    def audit(self, name: str) -> list[Event]:
        """Who did what when, oldest first; EdgeError where the audit was tampered with."""
        self._model(name)
        return self._audit(name).read()

    def verify(self, name: str) -> list[str]:
        """What does not fit: entries edited, removed or moved, and what was changed in the registry by other means."""
        head, audit = self._model(name).tags.get(HEAD, ""), self._audit(name)
        return audit.faults() or differences(audit.read(), head, self.versions(name), self._aliases(name))

    def fetch(self, name: str, version_or_alias: int | str, out: Path) -> Version:
        """Copy a version's files into a new directory ``out``, its decision into ``out/decision``, each file checked by its digest."""
        found = self.version(name, version_or_alias)
        parts = self.parts(found)
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise EdgeError(f"expected a directory that is new or empty, found {out}; name another")
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
                made = Path(folder) / "files"
                made.mkdir()
                self.content.get(parts[MODEL], made)
                if DECISION in parts:
                    self.content.get(parts[DECISION], made / DECISION)
                os.replace(made, out)
        except OSError as error:
            raise EdgeError(f"expected to write the files to {out}, found {error.strerror or error}; free space or name another") from None
        return found

    @cached_property
    def _client(self) -> MlflowClient:
        return connect(self.url)

    def _there(self) -> bool:
        """Whether there is anything to read: looking makes no database."""
        file = database_file(self.url)
        return file is None or file.exists()

    def _model(self, name: str) -> Any:
        """mlflow's entry of a model; EdgeError for one that is not there."""
        check_name(name)
        found = self._asked(lambda client: client.get_registered_model(name)) if self._there() else None
        if found is None:
            raise EdgeError(f"expected a model {name} in the registry, found {', '.join(self.models()[:8]) or 'none at all'}; "
                            f"edge registry add {name} KEY registers one")
        return found

    def _aliases(self, name: str) -> dict[str, int]:
        return {alias: int(number) for alias, number in self._model(name).aliases.items()}

    def _asked(self, ask: Callable[[MlflowClient], Any]) -> Any:
        """mlflow's answer; None where it says that there is no such thing, or that there is one already."""
        client = self._client  # before mlflow's own import, so that it tells nobody
        from mlflow.exceptions import MlflowException
        try:
            with one_line(self.url, through=(ABSENT, PRESENT)):
                return ask(client)
        except MlflowException:
            return None

    def _audit(self, name: str) -> Audit:
        return Audit(self.artifacts, name)

    def _act(self, name: str, next_event: Callable[[Standing], Event], again: bool = True) -> Event:
        """Enter what is to be done next into the audit and make the registry agree; ``again``: anew where another was first."""
        audit = self._audit(name)
        while True:
            events = audit.read()
            try:
                made = audit.append(next_event(standing(events)), events)
            except TakenError:
                if not again:
                    raise EdgeError(f"another process changed {name} at this moment; look at edge registry show {name} again") from None
                continue
            self._settle(name, audit)
            return made

    def _settle(self, name: str, audit: Audit) -> None:
        """Set aliases to what the audit says, until no entry came in between: whoever is last sets them as the last entry wants."""
        events: list[Event] = []
        while len(events) < len(now := audit.read()):
            events = now
            wanted = {alias: bearers[-1] for alias, bearers in standing(events).items()}
            held = self._aliases(name)
            with one_line(self.url):
                for alias in held.keys() - wanted.keys():
                    self._client.delete_registered_model_alias(name, alias)
                for alias, number in wanted.items():
                    self._client.set_registered_model_alias(name, alias, str(number))
                self._client.set_registered_model_tag(name, HEAD, head_of(events))

    def _keep(self, record: Path) -> str:
        """The content key of a copy of a run's record."""
        with TemporaryDirectory() as folder:
            shutil.copyfile(record, Path(folder) / RECORD_FILE)
            return self.content.put(Path(folder), RECORD)

    def _recorded(self, found: Version, folder: Path) -> Path:
        """The record that a version was registered or last promoted with."""
        if RECORD not in found.parts:
            raise EdgeError(f"not promoted: expected the record of a run that measured {found}, found none; give --record")
        self.content.get(found.parts[RECORD], folder)
        return folder / RECORD_FILE

    def parts(self, found: Version) -> Mapping[str, str]:
        """A version's content keys; EdgeError for one that was made without us and has none."""
        if MODEL not in found.parts:
            raise EdgeError(f"expected files of {found}, found a version that was made by other means; add one with edge registry add")
        return found.parts

    def _serves(self, found: Version) -> dict[str, tuple[str, Mapping[str, Any]]]:
        """Store key and files of what a version serves."""
        parts, keys = self.parts(found), {MODEL: found.lineage.key, DECISION: found.lineage.decision}
        return {part: (key, self.content.files(parts[part])) for part, key in keys.items() if part in parts}

    def _tell(self, found: Version, judged: evidence.Evidence, record: str) -> None:
        """Keep what the record says with the version."""
        lineage = replace(found.lineage, profile=judged.profile, metrics=judged.metrics, verdicts=judged.verdicts)
        tags = {LINEAGE: json.dumps(asdict(lineage), ensure_ascii=False), PARTS: json.dumps({**found.parts, RECORD: record})}
        with one_line(self.url):
            for tag, value in tags.items():
                self._client.set_model_version_tag(found.name, str(found.version), tag, value)


def _version(found: Any, bearers: Mapping[str, int]) -> Version:
    """mlflow's version as ours; one that was made by other means has no lineage and no files."""
    number, lineage, parts = int(found.version), Lineage(), {}
    with suppress(ValueError, TypeError):
        lineage, parts = Lineage(**json.loads(found.tags.get(LINEAGE, "{}"))), dict(json.loads(found.tags.get(PARTS, "{}")))
    aliases = tuple(sorted(alias for alias, bearer in bearers.items() if bearer == number))
    return Version(found.name, number, aliases, lineage, datetime.fromtimestamp(found.creation_timestamp / 1000, UTC), parts)
