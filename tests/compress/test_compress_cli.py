"""edge compress: applied, predicted and compared, on a real model of two layers in a store of its own."""

from __future__ import annotations

import json
import re
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from pipeline import specs
from pipeline.base.reference import Reference, qwen3_config
from pipeline.cli import compress as command
from pipeline.cli import main
from pipeline.compress import technique, technique_names
from pipeline.compress.plan import from_config
from pipeline.compress.predicted import plan_for
from pipeline.compress.recipe import RECIPES, recipes
from pipeline.compress.techniques import int8
from pipeline.export import onnx
from pipeline.measure import attempts, comparison, conditions
from pipeline.measure.machine_lock import FOLDER_VARIABLE
from pipeline.measure.memory import memory
from pipeline.profile import Base, Profile
from pipeline.report import compression, figures
from pipeline.report.recipe_steps import print_table
from pipeline.store import Artifact, Spec, Store

PROFILE = """\
name: tiny
says: nothing
tells: [{tells}]
base: {{kind: reference}}
data: {{train: 30, validation: 12, test: 12, challenge: 24}}
prompt: {{system: 判断意图, max_length: 64}}
train: {{}}
decision: {{confidence_threshold: 0.6}}
serve: {{threads: 1}}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two profiles, `behaviour` and `scale`, and a store whose merged model is made in a moment."""
    root = tmp_path_factory.mktemp("compress")
    for tells in ("behaviour", "scale"):
        (root / f"{tells}.yaml").write_text(PROFILE.format(tells=tells), encoding="utf-8")
    return root


@pytest.fixture(scope="module", autouse=True)
def tiny(home: Path, merged: Path, fp32: Path) -> Any:
    """The merged model and its export are those that all these tests share."""
    def copy(source: Path, out: Path) -> None:
        shutil.copytree(source, out, dirs_exist_ok=True)

    def stored(get: Any, profile: Profile) -> tuple[Artifact, Artifact]:
        return get(Spec("merged", lambda work: copy(merged, work.out), {"tiny": 1})), get(specs.data(profile))

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(home / "lock"))
        patch.delenv("EDGE_STORE_URL", raising=False)
        patch.setattr(command, "_merged", stored)
        patch.setattr(onnx, "export_onnx", lambda out, **_: copy(fp32, out))
        patch.setattr(attempts, "PAUSE", 0.0)
        patch.setattr(comparison, "memory", partial(memory, repeats=1, decisions=3))
        yield


def edge(home: Path, *arguments: object, tells: str = "behaviour") -> int:
    return main(["compress", *map(str, arguments), "--profile", str(home / f"{tells}.yaml"), "--store", str(home / "store")])


@pytest.fixture(scope="module")
def compared(home: Path) -> dict[str, Any]:
    """The record of the original and its INT8, taken on a machine that is never quiet enough."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conditions, "BUSY_CORES", -1.0)
        assert edge(home, "--compare", "original", "int8", "--reports", home / "reports", "--rounds", 20) == 0
    return json.loads((home / "reports" / "compression.json").read_text(encoding="utf-8"))


def test_a_comparison_measures_each_and_holds_it_against_the_original(compared: dict[str, Any], home: Path) -> None:
    original, small = compared["compared"]
    assert (original["recipe"], small["recipe"]) == ("original", "int8")
    assert small["size_mb"] < original["size_mb"] and small["peak_rss_mb"] > 20
    assert 0 < small["p50_ms"] <= small["p95_ms"]
    assert original["loss"] is original["agreement"] is original["divergence"] is None
    for name in ("accuracy", "loss", "agreement", "divergence"):
        found = small[name]
        assert found["lower"] <= found["value"] <= found["upper"] and found["n"] == 24
    assert small["loss"]["value"] == pytest.approx(original["accuracy"]["value"] - small["accuracy"]["value"])
    assert 0 < small["divergence"]["value"] < 0.5
    assert [step["step"] for step in small["steps"]] == ["export", "1 int8"]
    store = Store(home / "store")
    assert store.open(small["model"]).kind == "onnx-int8" and store.open(original["model"]).kind == "onnx-fp32"
    store.close()
    assert small["measurements"]["latency"]["artifacts"]["onnx-int8"] == small["model"]


def test_broken_conditions_are_marked_wherever_the_figure_stands(compared: dict[str, Any], home: Path, capsys: Any) -> None:
    assert "other processes used" in compared["compared"][1]["invalid"]["latency"]
    compression.show(compared, sys.stdout)
    shown, written = capsys.readouterr().out, (home / "reports" / "compression.md").read_text(encoding="utf-8")
    for text in (shown, written):
        assert len(re.findall(r"\d !", text)) == 4
        assert "! latency of original, int8 is invalid: other processes used" in text
    row, = (line for line in shown.splitlines() if line.startswith("int8 "))
    assert len(re.findall(r"\[[^]]+, [^]]+\]", row)) == 3  # accuracy, loss and KL have their intervals


def test_the_figure_is_written_and_outlives_those_of_a_run(compared: dict[str, Any], home: Path) -> None:
    folder = home / "reports" / "figures"
    with Image.open(folder / "compression.png") as image:
        assert abs(image.width - 14 / 2.54 * 200) <= 1 and len(image.convert("L").getcolors()) > 20
    (folder / "old.png").write_bytes(b"")
    figures.render({"claims": [], "observations": [], "training": None}, folder)
    assert {path.stem for path in folder.iterdir()} == {"compression"}


def test_a_profile_that_tells_nothing_about_behaviour_says_so(home: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "BUSY_CORES", 99.0)
    assert edge(home, "--compare", "original", "--reports", home / "scale", "--rounds", 5, tells="scale") == 0
    told = capfd.readouterr()
    row, = (line for line in told.out.splitlines() if line.startswith("original"))
    assert row.split()[-4:] == ["–"] * 4 and "!" not in told.out
    assert "–: profile tiny tells nothing about behaviour" in told.out and told.err == ""


def test_a_recipe_is_applied_once_and_told_step_by_step(home: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert edge(home, "--recipe", "int8") == 0
    told = capfd.readouterr()
    lines = told.out.splitlines()
    assert lines[0].split()[:2] == ["step", "settings"] and lines[1].startswith("export") and lines[2].startswith("1 int8")
    before, after = map(float, re.search(r"([\d.]+) → ([\d.]+)", lines[2]).groups())
    assert after < before and told.err == ""
    store = Store(home / "store")
    assert store.open(re.search(r"model (\w+)", lines[-1])[1]).kind == "onnx-int8"
    monkeypatch.setattr(int8, "apply", None)
    assert edge(home, "--recipe", "int8") == 0 and capfd.readouterr().out == told.out


def test_a_step_that_mends_behaviour_is_left_out_where_there_is_none(home: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "HEALS", True, raising=False)
    for dry in ([], ["--dry-run"]):
        assert edge(home, "--recipe", "int8", *dry, tells="scale") == 0
        lines = capsys.readouterr().out.splitlines()
        assert not any(line.startswith(("1 int8", "int8  ")) for line in lines)
    assert edge(home, "--recipe", "int8", "--dry-run") == 0 and "\nint8 " in capsys.readouterr().out


# --- predicted

def dry_run(capsys: Any, *arguments: object) -> dict[str, list[float]]:
    """By step: MB, memory in MB, and seconds."""
    assert main(["compress", "--dry-run", *map(str, arguments)]) == 0
    title, head, *rows = capsys.readouterr().out.splitlines()
    assert "predicted" in title and "predicted" in head
    return {row.split()[0]: [float(cell.replace(",", "")) for cell in row.split()[-3:]] for row in rows}


@pytest.fixture
def pretrained(tmp_path: Path) -> Path:
    """Qwen3-0.6B's configuration, and nothing else."""
    from pipeline.base.shape import shape_config
    shape_config().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_nothing_is_built_to_predict(capsys: Any, tmp_path: Path, pretrained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_merged", None)
    small = dry_run(capsys, "--recipe", "int8", "--store", tmp_path / "none")
    whole = dry_run(capsys, "--recipe", "int8", "--profile", "qwen3-0.6b-shape", "--store", tmp_path / "none")
    assert not (tmp_path / "none").exists()
    assert small["original"][0] == pytest.approx(10.0, abs=0.2) and small["int8"][0] == pytest.approx(2.6, abs=0.2)
    assert whole["original"][0] == pytest.approx(596.05 * 4, rel=0.01) and whole["int8"][0] == pytest.approx(598.6, rel=0.01)
    for step in (*small.values(), *whole.values()):
        assert step[1] == pytest.approx(52 + step[0] + 25, abs=1)
    assert whole["original"][2] == 0 < whole["int8"][2]
    assert dry_run(capsys, "--recipe", "int8", "--profile", "qwen3-0.6b", "--model", pretrained) == whole


def test_the_reference_is_predicted_as_it_is_built() -> None:
    class Tokenizer:
        eos_token_id, pad_token_id = 1, 0

        def __len__(self) -> int:
            return Reference().vocab_size

        def convert_tokens_to_ids(self, token: str) -> int:
            return 0

    assert plan_for(Base(kind="reference")) == from_config(qwen3_config(Reference(), Tokenizer()).to_dict())


# --- refused in one line

@pytest.mark.parametrize(("arguments", "word"), [
    (["--recipe", "int9"], "recipe 'int9': expected one of "),
    (["--compare", "original", "int9"], "recipe 'int9'"),
    (["--recipe", "none.yaml"], "none.yaml"),
    (["--recipe", "int8", "--profile", "none"], "profile 'none'"),
    (["--recipe", "int8", "--profile", "qwen3-0.6b", "--dry-run"], "expected a local directory to predict from"),
    (["--recipe", "int8", "--profile", "qwen3-0.6b", "--dry-run", "--model", "."], "config.json"),
    (["--compare", "int8", "other.yaml"], "expected recipes of different names, found int8 twice"),
    (["--recipe", "bad.yaml", "--dry-run"], "bits"),
    (["--compare", "original", "--rounds", "0"], "--rounds"),
])
def test_a_mistake_is_one_line(
    arguments: list[str], word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("other.yaml").write_text("{name: int8, says: another, steps: [{int8: {}}]}")
    Path("bad.yaml").write_text("{name: bad, says: odd, steps: [{int8: {bits: 9}}]}")
    assert main(["compress", *arguments]) == 2
    told = capsys.readouterr()
    line, = told.err.splitlines()
    assert line.startswith("edge: ") and word in line and told.out == ""


def test_the_recipes_are_listed_with_what_they_say(capsys: Any) -> None:
    assert main(["compress", "--list"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert list(lines) == recipes() and lines["int8"].startswith("the documented one")


def test_the_documentation_names_every_technique_and_its_examples_are_recipes() -> None:
    text = (Path(__file__).parents[2] / "docs" / "compression.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\|[^|]*\| `(\w+)` \| (\w+) \|", text, re.MULTILINE))
    assert {name: technique(name).STAGE for name in technique_names()}.items() <= listed.items()
    assert yaml.safe_load(text.split("```yaml")[1].split("```")[0]) == yaml.safe_load((RECIPES / "int8.yaml").read_text(encoding="utf-8"))


def test_a_cell_is_text_and_a_row_a_line_in_a_log(capsys: Any) -> None:
    cells = ["[bold]" + "x" * 200, "[red] [91.0, 93.4]"]
    print_table(sys.stdout, ["a", "b"], [cells], [1])
    assert capsys.readouterr().out.splitlines()[1].rstrip() == "  ".join(cells)
