"""A profile: what is built, in one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import EdgeError
from pipeline.yaml_file import read_model

PROFILES = Path(__file__).parent.parent / "profiles"
Positive = Annotated[int, Field(gt=0)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Base(Section):
    """reference: pre-trained here.  qwen3-shape: Qwen3-0.6B's shape, random weights.  pretrained: directory or hub id."""

    kind: Literal["reference", "qwen3-shape", "pretrained"]
    seed: int = 20260101
    model: str = ""
    revision: str = "main"


class Data(Section):
    """Sizes of the generated splits, or the user's own files (``columns``: field -> column)."""

    seed: int = 20260101
    train: Positive = 800
    validation: Positive = 100
    test: Positive = 100
    challenge: Positive = 1500
    train_file: str = ""
    eval_file: str = ""
    columns: dict[str, str] = {}
    scenario_mix: dict[str, float]


class Prompt(Section):
    system: str
    max_length: Positive = 128


class Train(Section):
    rank: Positive = 8
    alpha: Positive = 16
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05
    target_modules: list[str] = ["q_proj", "v_proj"]
    learning_rate: Annotated[float, Field(gt=0)] = 2e-4
    epochs: Positive = 3
    batch_size: Positive = 4
    seed: int = 42


class DecisionRule(Section):
    confidence_threshold: Annotated[float, Field(ge=0, le=1)]


class Export(Section):
    opset: Positive = 18


class Serve(Section):
    threads: Positive = 2


class Profile(Section):
    """``tells``: what a figure of this profile says something about; claims about anything else are not judged on it."""

    name: str
    says: str
    tells: list[Literal["behaviour", "scale"]]
    base: Base
    data: Data
    prompt: Prompt
    train: Train
    decision: DecisionRule
    export: Export = Export()
    serve: Serve = Serve()


def load_profile(name: str, model: str = "", train_file: str = "", eval_file: str = "",
                 columns: dict[str, str] | None = None) -> Profile:
    """A profile by name (in ``profiles/``) or by the path of a YAML file, with the user's own model and data put in.

    EdgeError for an unknown name, a malformed file, or a ``pretrained`` base for which no model was named.
    """
    profile = read_model(_path_of(name), Profile)
    base = profile.base.model_copy(update={"kind": "pretrained", "model": model}) if model else profile.base
    if base.kind == "pretrained" and not base.model:
        raise EdgeError(f"profile {name}: expected a model, found none; give --model DIRECTORY_OR_HUB_ID")
    own = {"train_file": train_file, "eval_file": eval_file, "columns": columns}
    data = profile.data.model_copy(update={key: value for key, value in own.items() if value})
    if bool(data.train_file) != bool(data.eval_file):
        raise EdgeError("your own data: expected --train-data and --eval-data together, found only one of them")
    for path in filter(None, (data.train_file, data.eval_file)):
        if not Path(path).is_file():
            raise EdgeError(f"{path}: expected a .jsonl or .csv file of queries, found none; check the path")
    return profile.model_copy(update={"base": base, "data": data})


def parse_columns(text: str) -> dict[str, str]:
    """``query=text,intent=label`` -> {"query": "text", "intent": "label"}; "" -> {}."""
    pairs = [part.partition("=") for part in filter(None, text.split(","))]
    if any(not (field.strip() and column.strip()) for field, _, column in pairs):
        raise EdgeError(f"--columns: expected query=COLUMN,intent=COLUMN, found {text!r}")
    return {field.strip(): column.strip() for field, _, column in pairs}


def _path_of(name: str) -> Path:
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    path = PROFILES / f"{name}.yaml"
    if Path(name).name != name or not path.is_file():
        known = ", ".join(sorted(path.stem for path in PROFILES.glob("*.yaml")))
        raise EdgeError(f"profile {name!r}: expected one of {known}, or the path of a .yaml file")
    return path
