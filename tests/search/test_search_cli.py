"""edge search, on a real model of two layers in a store of its own: searched, gone on with, reported and confirmed."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import specs
from pipeline.cli import main
from pipeline.compress.recipe import load_recipe
from pipeline.export import onnx
from pipeline.measure import attempts, comparison, conditions
from pipeline.measure.machine_lock import FOLDER_VARIABLE
from pipeline.measure.memory import memory
from pipeline.profile import Profile
from pipeline.search import confirm, meters, task
from pipeline.store import Artifact, Spec, Store
from tests.compress.test_compress_cli import PROFILE
from tests.export.tiny_qwen3 import fp32, merged

__all__ = ["fp32", "merged"]
SPACE = """\
name: two
says: x
stages:
  bits:
    ways:
      int8: [{int8: {}}]
      int4: [{int4: {group: 32, symmetric: true, activations: int8, embedding: [int4, int8]}}]
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("search")
    (root / "tiny.yaml").write_text(PROFILE.format(tells="behaviour"), encoding="utf-8")
    (root / "two.yaml").write_text(SPACE, encoding="utf-8")
    return root


@pytest.fixture(scope="module", autouse=True)
def tiny(home: Path, merged: Path, fp32: Path) -> Any:
    def copy(source: Path, out: Path) -> None:
        shutil.copytree(source, out, dirs_exist_ok=True)

    def stored(build: Any, profile: Profile) -> tuple[Artifact, Artifact]:
        return build(Spec("merged", lambda work: copy(merged, work.out), {"tiny": 1})), build(specs.data(profile))

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(home / "lock"))
        patch.delenv("EDGE_STORE_URL", raising=False)
        for module in (task, confirm):
            patch.setattr(module, "merged_and_data", stored)
        patch.setattr(onnx, "export_onnx", lambda out, **_: copy(fp32, out))
        patch.setattr(attempts, "PAUSE", 0.0)
        patch.setattr(conditions, "BUSY_CORES", 99.0)
        patch.setattr(comparison, "memory", partial(memory, repeats=1, decisions=3))
        patch.setattr(meters, "ASKED", 3)
        yield


def edge(home: Path, *arguments: object) -> int:
    return main(["search", *map(str, arguments), "--profile", str(home / "tiny.yaml"), "--store", str(home / "store"), "--space",
                 str(home / "two.yaml"), "--reports", str(home / "reports"), "--queries", "24", "--sampler", "random",
                 "--objectives", "compression.size", "edge_200mb.memory"])


@pytest.fixture(scope="module")
def searched(home: Path) -> dict[str, Any]:
    assert edge(home, "--trials", 2, "--seed-recipes", "int8-fast") == 0
    return json.loads((home / "reports" / "tiny-two" / "front.json").read_text(encoding="utf-8"))


def test_trials_are_artifacts_and_the_front_is_written(searched: dict[str, Any], home: Path) -> None:
    assert searched["study"] == "tiny-two" and searched["trials"] == 2 and len(searched["points"]) == 2
    first = searched["points"][0]
    assert yaml.safe_load(first["recipe"])["steps"] == [{"int8": {}}] and first["feasible"]
    store = Store(home / "store")
    assert [store.open(point["key"]).kind for point in searched["points"]] == ["onnx-int8", "onnx-int4"]
    store.close()
    assert 0.2 < first["values"]["compression.size"] < 0.5 and first["values"]["edge_200mb.memory"] > 20


def test_the_recommended_is_a_recipe_to_commit(searched: dict[str, Any], home: Path) -> None:
    recipe = load_recipe(str(home / "reports" / "tiny-two" / "recommended.yaml"))
    assert recipe.name == f"trial-{searched['knee']['trial']}"


def test_the_same_command_goes_on_and_then_has_nothing_to_do(searched: dict[str, Any], home: Path, capsys: Any) -> None:
    assert edge(home, "--trials", 3, "--seed-recipes", "int8-fast") == 0
    front = json.loads((home / "reports" / "tiny-two" / "front.json").read_text(encoding="utf-8"))
    assert front["trials"] == 3 and front["points"][:2] == [{**point, "on_front": now["on_front"]}
                                                           for point, now in zip(searched["points"], front["points"], strict=False)]


def test_the_confirmation_judges_on_the_challenge_set(searched: dict[str, Any], home: Path, capsys: Any) -> None:
    code = edge(home, "--confirm", "int8", "--rounds", 5)
    found = json.loads((home / "reports" / "tiny-two" / "confirmed.json").read_text(encoding="utf-8"))
    assert code == (0 if found["holds"] else 1)
    verdict = found["verdicts"][found["recommended"]]["compression.accuracy_loss"]
    assert verdict["n"] == 24 and verdict["state"] in ("fail", "inconclusive")  # so few can show nothing
    assert [one["other"] for one in found["beside"]] == ["int8"]
    said = capsys.readouterr().out
    assert f"{found['recommended']} beside int8: bytes " in said and "verdicts" in said


@pytest.mark.parametrize(("arguments", "says"), [
    ([], "expected --budget TIME or --trials NUMBER, found neither; give one, such as --budget 10m"),
    (["--budget", "soon"], "--budget: expected a time such as 90s, 10m or 1h, found 'soon'"),
    (["--trials", 0], "--trials: expected at least 1, found 0"),
    (["--trials", 1, "--sampler", "guess"], "sampler 'guess': expected one of controller, evolution, nsga2, nsga3, random, tpe"),
    (["--trials", 1, "--set", "population"], "--set: expected NAME=VALUE, found 'population'; write population=20"),
    (["--trials", 1, "--rungs", 0], "--rungs: expected at least 1, found 0"),
    (["--trials", 1, "--space", "nowhere"], "space 'nowhere': expected one of compress"),
    (["--trials", 1, "--engine", "slurm", "--workers", 2], "--engine: expected local or ray, found 'slurm'"),
    (["--trials", 1, "--study-url", "oracle"], "'oracle': expected a study database"),
    (["--confirm", "--study", "other"], "other/recommended.yaml: expected a recommended recipe, found none; search until"),
    (["--trials", 1, "--study", "../up"], "--study: expected letters, digits, _ . and -, found '../up'"),
    (["--trials", 1, "--objectives", "compression.siz"], "did you mean compression.size?"),
], ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "")
def test_a_mistake_is_one_line_and_begins_no_trial(home: Path, arguments: list, says: str, capsys: Any) -> None:
    asked = ["search", *map(str, arguments), "--profile", str(home / "tiny.yaml"), "--store", str(home / "wrong" / "store"),
             "--reports", str(home / "wrong")]
    assert main(asked) == 2
    told = capsys.readouterr().err
    assert says in told and told.count("\n") == 1 and told.startswith("edge: ")
    assert not (home / "wrong" / "store" / "objects").exists()
