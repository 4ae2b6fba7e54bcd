"""From a workspace to an assistant: the deployed model, the index, the study record, the cards, and the cloud of the settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.edge.assistant.assistant import Assistant, Decides
from pipeline.edge.assistant.cards import Cards, Phrases
from pipeline.edge.assistant.cloud_context import CloudContext
from pipeline.edge.assistant.evidence import Evidence
from pipeline.edge.assistant.reply import Reply
from pipeline.edge.assistant.settings import SETTINGS, CloudSettings
from pipeline.edge.assistant.shown import note
from pipeline.edge.assistant.workspace import DECISION, GENERATOR, MODEL, Workspace
from pipeline.edge.classifier import Classifier
from pipeline.edge.gateway.part import Clouds
from pipeline.errors import EdgeError


@contextmanager
def open_assistant(workspace: Workspace) -> Iterator[Assistant]:
    """Everything opened, and closed behind the block; EdgeError says what is missing or broken and how to mend it."""
    from pipeline.edge.assistant.known_courses import KnownCourses
    from pipeline.edge.assistant.library.importing import open_library
    from pipeline.edge.assistant.library.library import Library
    from pipeline.edge.assistant.matching import matching
    from pipeline.edge.assistant.record.study import StudyRecord
    from pipeline.edge.assistant.record.tracking import Tracking
    from pipeline.edge.assistant.record.understanding import Operation

    sharing, classifier = workspace.settings.cloud, open_classifier(workspace)
    with open_library(workspace.index, note) as index, StudyRecord.open(workspace.record) as record:
        for mended in record.notes:
            note(mended)
        cards = open_cards(workspace)
        courses = KnownCourses(index, cards.cards)
        tracking = Tracking(record, courses)

        def tell(name: str, arguments: dict[str, Any]) -> Reply:
            return tracking.carry_out(Operation(name, arguments))

        context = CloudContext(partial(matching, index), tell if sharing.record else None, sharing.passages, sharing.characters)
        with _cloud(sharing, f"{workspace.root / SETTINGS}: cloud.url") as cloud:
            decides = _weighed(classifier, Evidence(courses, cards), workspace)
            yield Assistant(decides, Library(index), tracking, cards, cloud, context)


def open_classifier(workspace: Workspace) -> Classifier:
    """The deployed model; EdgeError where there is none."""
    model, decision = workspace.deployed(MODEL), workspace.deployed(DECISION)
    if not model.is_dir() or not decision.is_dir():
        raise EdgeError(f"{model.parent}: expected a model, found none; run `edge assistant deploy --workspace {workspace.root} "
                        "--model KEY_OR_DIR --decision KEY_OR_DIR` with what `edge artifacts list` shows after `make accept`")
    return Classifier.open(model, decision, workspace.settings.threads)


def _weighed(classifier: Classifier, evidence: Evidence, workspace: Workspace) -> Decides:
    """Weighed where the deployed decision says how; the model alone of one that was made before there were weights."""
    from pipeline.edge.assistant.weighing import FILE, Weighed
    decision = workspace.deployed(DECISION)
    return Weighed.open(classifier, evidence, decision) if (decision / FILE).exists() else classifier


def open_cards(workspace: Workspace) -> Cards:
    """The card file, phrased by the deployed generator where there is one that opens; of one that does not, a note is made."""
    return Cards.read(workspace.cards, _phrasing(workspace.deployed(GENERATOR), workspace), workspace.kept_cards)


def _phrasing(directory: Path, workspace: Workspace) -> Phrases | None:
    if not directory.is_dir():
        return None
    from pipeline.edge.assistant.phrasing import Phrasing  # llguidance takes a tenth of a second
    try:
        return Phrasing.open(directory, workspace.settings.threads, workspace.settings.phrasing_ms / 1000)
    except EdgeError as error:
        note(f"{error}; until then the cards' templates answer")
        return None


@contextmanager
def _cloud(settings: CloudSettings, setting: str) -> Iterator[Clouds | None]:
    if not settings.url:
        yield None
        return
    from pipeline.edge.gateway.cloud import Cloud
    from pipeline.edge.gateway.limits import read_limits
    from pipeline.edge.listen import key_of
    cloud = Cloud(settings.url, settings.model, key_of(settings.key_variable), read_limits(), setting)
    try:
        yield cloud
    finally:
        cloud.close()
