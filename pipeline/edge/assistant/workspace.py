"""The student's workspace: the documented folders, the settings, and a card file to begin with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.atomic import write_atomically
from pipeline.edge.assistant.settings import SETTINGS, Settings, read_settings
from pipeline.errors import EdgeError

FOLDERS = ("data", "checkpoints", "adapters", "logs", "deployed")
STARTERS = Path(__file__).with_name("starters")  # files that a new workspace gets
MODEL, DECISION, GENERATOR = "model", "decision", "generator"  # in deployed/


@dataclass(frozen=True)
class Workspace:
    """``root``: the folder that ``init`` made."""

    root: Path

    @classmethod
    def open(cls, root: Path) -> Workspace:
        """The workspace in a folder; EdgeError where there is none or its settings are wrong."""
        if not (root / SETTINGS).is_file():
            raise EdgeError(f"{root}: expected a workspace, found no {SETTINGS}; run `edge init {root}`")
        workspace = cls(root)
        workspace.settings  # noqa: B018 - a mistake shows here, not in the middle of a conversation
        return workspace

    @cached_property
    def settings(self) -> Settings:
        return read_settings(self.root / SETTINGS)

    @property
    def cards(self) -> Path:
        return self.root / self.settings.cards

    @property
    def kept_cards(self) -> Path:
        """The card file as it was last read."""
        return self.root / "data" / "cards.json"

    @property
    def index(self) -> Path:
        return self.root / "data" / "index.sqlite"

    @property
    def record(self) -> Path:
        return self.root / "data" / "record"

    @property
    def ratings(self) -> Path:
        return self.root / "data" / "ratings"

    @property
    def log(self) -> Path:
        return self.root / "logs" / "assistant.jsonl"

    @property
    def history(self) -> Path | None:
        """What was typed, as the terminal keeps it; None where the settings want no question kept."""
        return self.root / "data" / "history" if self.settings.log_questions else None

    def deployed(self, part: str) -> Path:
        """The directory of a deployed part: model, decision or generator."""
        return self.root / "deployed" / part


def init(root: Path) -> list[str]:
    """Make a workspace in an empty or new folder, or what is missing in one that is there; returns what was made.

    Nothing that is there is changed.  EdgeError for a folder that holds something else.
    """
    if root.exists() and not root.is_dir():
        raise EdgeError(f"{root}: expected a folder, found a file; choose another place")
    if root.is_dir() and any(root.iterdir()) and not (root / SETTINGS).is_file():
        raise EdgeError(f"{root}: expected an empty folder or a workspace, found something else in it; choose another place")
    made = []
    for starter in sorted(STARTERS.glob("*.yaml"), key=lambda file: file.name != SETTINGS):  # first what makes it a workspace
        if not (root / starter.name).exists():
            write_atomically(root / starter.name, starter.read_bytes())
            made.append(starter.name)
    for name in FOLDERS:
        if not (root / name).is_dir():
            (root / name).mkdir()
            made.append(f"{name}/")
    Workspace.open(root)
    return made
