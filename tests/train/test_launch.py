"""Training on several GPUs: the launcher ms-swift would start, the documented batch, and on a CPU two processes that learn as one does."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from safetensors.numpy import load_file

from pipeline import specs
from pipeline.errors import EdgeError
from pipeline.profile import PROFILES, Train, load_profile
from pipeline.profile import Launch as LaunchSection
from pipeline.store import Artifact, Store
from pipeline.train import adapter as lora
from pipeline.train import rank
from pipeline.train.launch import Launch
from pipeline.train.sft import train_adapter

ROWS = {"train": 800, "validation": 100}
NODE = {"NODE_RANK": "1", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500"}
BASE, DATA = (Artifact(digit * 64, kind, Path("nowhere"), {}) for digit, kind in (("0", "base"), ("1", "data")))


def recipe(gpus: int = 1, nodes: int = 1, deepspeed: str | None = None) -> dict[str, Any]:
    return Train(batch_size=8, launch=LaunchSection(gpus=gpus, nodes=nodes, deepspeed=deepspeed)).model_dump()


def at_node(monkeypatch: pytest.MonkeyPatch, **changed: str) -> None:
    for name, value in {**NODE, **changed}.items():
        monkeypatch.setenv(name, value)


def own(tmp_path: Path, **train: Any) -> str:
    content = yaml.safe_load((PROFILES / "reference.yaml").read_text(encoding="utf-8"))
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content | {"train": content["train"] | train}), encoding="utf-8")
    return str(tmp_path / "mine.yaml")


def test_without_launch_nothing_is_said_of_it() -> None:
    """Artifacts that are there stay good."""
    assert "launch" not in specs.lora("adapter", {}, Train(), BASE, DATA).config["train"]
    assert Launch.of(Train().model_dump(), "cpu", {"train": 7}).program == [sys.executable, "-m", "swift.cli.sft"]
    assert Launch.of(Train().model_dump(), "cpu", {"train": 7}).identity == {}


def test_every_node_means_the_same_artifact(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store, keys = Store(tmp_path), []
    for number in ("0", "1"):
        at_node(monkeypatch, NODE_RANK=number)
        keys.append(store.key(specs.lora("adapter", {}, Train(batch_size=8, launch=LaunchSection(gpus=2, nodes=2)), BASE, DATA)))
    one = store.key(specs.lora("adapter", {}, Train(batch_size=8), BASE, DATA))
    assert keys[0] == keys[1] != one


@pytest.mark.parametrize(("asked", "share"), [({}, 8), ({"gpus": 2}, 4), ({"gpus": 2, "nodes": 2}, 2), ({"nodes": 4}, 2)])
def test_the_batch_is_the_documented_one(monkeypatch: pytest.MonkeyPatch, asked: dict[str, int], share: int) -> None:
    at_node(monkeypatch)
    launch = Launch.of(recipe(**asked), "cpu", ROWS)
    assert launch.share(8) == share
    assert launch.share(8) * launch.processes == 8


@pytest.mark.parametrize(("train", "told"), [
    ({"launch": {"gpus": 3}}, "launch: expected a batch_size that 3 processes share evenly, found 16"),
    ({"launch": {"gpus": 4, "nodes": 8}}, "that 32 processes share evenly, found 16; take other gpus or nodes"),
    ({"launch": {"gpus": 0}}, "launch.gpus"),
    ({"launch": {"gpus": 2, "deepspeed": "zero9"}}, "launch.deepspeed"),
    ({"launch": {"gpus": 2, "rank": 1}}, "launch.rank"),
    ({"launch": {"gpus": 2}, "trainer": "mlx"}, "launch: expected trainer ms-swift, found mlx; leave launch out"),
])
def test_a_profile_that_cannot_be_trained_so_is_refused(tmp_path: Path, train: dict[str, Any], told: str) -> None:
    with pytest.raises(EdgeError) as error:
        load_profile(own(tmp_path, **train))
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("changed", "told"), [
    ({"NODE_RANK": ""}, "train.launch: expected NODE_RANK, MASTER_ADDR and MASTER_PORT in the environment of each of 2 nodes, found no "
                        "NODE_RANK; set them, MASTER_ADDR to the address of node 0"),
    ({"NODE_RANK": "2"}, "NODE_RANK: expected this node's number, 0 to 1, found '2'"),
    ({"NODE_RANK": "../1"}, "NODE_RANK: expected this node's number, 0 to 1, found '../1'"),
])
def test_a_node_that_does_not_know_its_place(monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], told: str) -> None:
    at_node(monkeypatch, **changed)
    with pytest.raises(EdgeError) as error:
        Launch.of(recipe(nodes=2), "cpu", ROWS)
    assert str(error.value) == told


@pytest.mark.parametrize(("asked", "device", "rows", "told"), [
    ({"gpus": 2}, "cuda", ROWS, "train.launch: expected 2 GPUs, found 0; lower train.launch.gpus"),
    ({"gpus": 2}, "mps", ROWS, "train.launch: expected GPUs of NVIDIA or a CPU, found a Mac; leave train.launch out of the profile"),
    ({"gpus": 2}, "cpu", {"train": 801, "validation": 100}, "train.launch: expected a number of train rows that 2 processes share evenly, "
     "found 801; ms-swift would leave out the last 1: take other data.train or gpus"),
    ({"deepspeed": "zero2"}, "cpu", ROWS, "train.launch: expected DeepSpeed for zero2, found none; pip install deepspeed, or leave "
     "train.launch.deepspeed out"),
])
def test_a_machine_or_data_that_does_not_do(monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], device: str, rows: dict[str, int],
                                            told: str) -> None:
    import torch
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EdgeError) as error:
        Launch.of(recipe(**asked), device, rows)
    assert str(error.value) == told


def test_a_helping_node_says_where_the_adapter_is(monkeypatch: pytest.MonkeyPatch) -> None:
    at_node(monkeypatch)
    with pytest.raises(EdgeError) as error:
        Launch.of(recipe(nodes=2), "cpu", ROWS).end_of_helper()
    assert str(error.value) == ("node 1 of 2: its part of the training is done, and the adapter lies in the store of node 0; share that by "
                                "--store-url and run again here")
    at_node(monkeypatch, NODE_RANK="0")
    Launch.of(recipe(nodes=2), "cpu", ROWS).end_of_helper()


def test_the_profile_of_the_page_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "training_on_gpus.md").read_text(encoding="utf-8")
    told = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])["train"]
    launch = load_profile(own(tmp_path, **told)).train.launch
    assert launch == LaunchSection(gpus=4, nodes=2, deepspeed="zero2")
    assert f"{told['batch_size']} on 8 processes\nare {told['batch_size'] // 8} rows each" in page


@pytest.mark.slow
@pytest.mark.parametrize("asked", [{"gpus": 2}, {"gpus": 4, "nodes": 2}])
def test_the_launcher_is_the_one_of_ms_swift(monkeypatch: pytest.MonkeyPatch, asked: dict[str, int]) -> None:
    from swift.cli.main import get_torchrun_args

    at_node(monkeypatch)
    program = Launch.of(recipe(**asked), "cpu", {"train": 800}).program
    torchrun = program[3:-2]
    for flag, value in zip(torchrun[::2], torchrun[1::2], strict=True):
        monkeypatch.setenv(flag.removeprefix("--").upper(), value)
    assert program[:3] == [sys.executable, "-m", "torch.distributed.run"]
    assert program[-2:] == [str(Path(rank.__file__).resolve()), "swift.cli.sft"]
    assert torchrun == get_torchrun_args()


@pytest.mark.slow
def test_two_processes_learn_what_one_does(
    pristine_base: Path, config: dict[str, Any], write_records: Callable[..., Path], tmp_path: Path
) -> None:
    """Without dropout, which each process draws for itself, and with whole batches: the loss of a smaller last one is weighed otherwise."""
    config["train"] |= {"dropout": 0.0}
    files = {"train": write_records("train", 96), "validation": write_records("validation", 16)}
    curves, weights = [], []
    for name, launch in (("one", None), ("two", {"gpus": 2, "nodes": 1, "deepspeed": None})):
        asked = config | {"train": config["train"] | ({"launch": launch} if launch else {})}
        train_adapter(tmp_path / name, tmp_path / f"{name}.scratch", base=pristine_base, config=asked, **files)
        curves.append(json.loads((tmp_path / name / "curves.json").read_text()))
        weights.append(load_file(tmp_path / name / lora.WEIGHTS))
    one, two = curves
    for split in ("train", "eval"):
        assert [point["step"] for point in one[split]] == [point["step"] for point in two[split]]
        assert [point["loss"] for point in two[split]] == pytest.approx([point["loss"] for point in one[split]], rel=1e-4)
    assert all(abs(weights[0][name] - weights[1][name]).max() < 1e-3 for name in weights[0])
    assert "world_size: 2" in (tmp_path / "two.scratch" / "sft.log").read_text()


@pytest.mark.slow
def test_no_process_outlives_the_training(
    pristine_base: Path, config: dict[str, Any], write_records: Callable[..., Path], tmp_path: Path
) -> None:
    from tests.train.test_swift import PARENT, here, wait_for

    config["train"] |= {"epochs": 40, "launch": {"gpus": 2, "nodes": 1, "deepspeed": None}}
    files = {"train": write_records("train", 96), "validation": write_records("validation", 12)}
    argv = [tmp_path / "out", tmp_path / "scratch", pristine_base, files["train"], files["validation"], json.dumps(config)]
    with subprocess.Popen([sys.executable, "-c", PARENT, *map(str, argv)], env=here()) as parent:
        wait_for(tmp_path / "scratch" / "run" / "checkpoint-24" / "trainer_state.json", parent)
        started = psutil.Process(parent.pid).children(recursive=True)
        parent.send_signal(signal.SIGKILL)
    assert len([process for process in started if process.pid != parent.pid]) >= 3, "the launcher and two of its processes"
    assert not psutil.wait_procs(started, timeout=10)[1], "a process went on training"
