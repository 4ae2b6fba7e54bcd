"""What an early end leaves: nothing, or, after kill -9 and with --resume, what the next run goes on with, to the same bytes."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from pipeline.errors import EdgeError
from pipeline.quantize import QuantizationConfig, step
from pipeline.quantize.backends import ptq
from pipeline.quantize.journal import FILE
from tests.quantize.killed_runs import killed_at, resumed

SHARDS = {"method": "int4-rtn", "shard_megabytes": 0.02}


def contents(folder: Path) -> dict[str, bytes]:
    """All but the manifest, which has the seconds."""
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name != step.MANIFEST}


@pytest.mark.parametrize("moments", [[1, 4, 5], pytest.param([*range(1, 100)], marks=pytest.mark.slow)], ids=["some", "all"])
def test_killed_and_resumed_to_the_same_bytes(moments, merged, quantise, store, tmp_path):
    """Moments: as the n-th file is put in its place; the key, each file of weights, each note of them in the journal, the texts."""
    expected = contents(quantise("expected", **SHARDS))
    shards = sum(name.endswith(".safetensors") for name in expected)
    for moment in moments:
        config = QuantizationConfig(input=merged, output=tmp_path / f"out-{moment}", group_size=32, threads=1, **SHARDS)
        if not killed_at(moment, config, store):
            assert moment > 2 * shards + 3
            break
        assert not config.output.exists()
        told = resumed(config, store, tmp_path / "told")
        assert "goes on where" in told or moment == 1, "killed as it noted the key, it has nothing to go on with"
        assert contents(config.output) == expected
    assert shards > 3 and not list(tmp_path.glob("*.part"))


@pytest.fixture
def stopped(quantise, tmp_path, monkeypatch):
    """A run that resumes and fails before its third file, as if the disk were full; its finished files stay."""
    def run(**settings):
        write, left = ptq.Journal.write, [2]

        def fail(self, name, tensors):
            left[0] -= 1
            if left[0] < 0:
                raise EdgeError("the disk is full")
            write(self, name, tensors)

        with monkeypatch.context() as patch:
            patch.setattr(ptq.Journal, "write", fail)
            with pytest.raises(EdgeError, match="the disk is full"):
                quantise(resume=True, **SHARDS, **settings)
        return tmp_path / "out.part" / "scratch" / "weights"

    return run


def written(monkeypatch):
    """The names of the files that are written from now on."""
    names, write = [], ptq.Journal.write
    monkeypatch.setattr(ptq.Journal, "write", lambda self, name, tensors: (names.append(name), write(self, name, tensors)))
    return names


def test_finished_files_are_not_made_again_but_damaged_ones_are(stopped, quantise, monkeypatch, told):
    weights = stopped()
    one, other = sorted(file for file in weights.iterdir() if file.name != FILE)
    other.write_bytes(other.read_bytes()[:-1] + b"x")
    names = written(monkeypatch)
    out = quantise(resume=True, **SHARDS)
    assert one.name not in names and other.name in names and "goes on where" in told[-1]
    assert contents(out) == contents(quantise("expected", **SHARDS))


@pytest.mark.parametrize("changed", ["settings", "input", "no resume"])
def test_other_work_is_not_gone_on_with(changed, stopped, quantise, monkeypatch, told, merged, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    for file in merged.iterdir():
        (model / file.name).write_bytes(file.read_bytes())
    weights = stopped(input=model)
    finished = {file.name for file in weights.iterdir()} - {FILE}
    if changed == "input":
        (model / "generation_config.json").write_text("{}")
    names = written(monkeypatch)
    quantise(resume=changed != "no resume", input=model, **SHARDS, **({"symmetric": True} if changed == "settings" else {}))
    assert finished <= set(names) and "made anew" in told[-1]


@pytest.mark.parametrize("how", ["an error", "SIGTERM", "Ctrl-C", "time"])
def test_nothing_is_left_without_resume(how, quantise, tmp_path, monkeypatch):
    def end(*_):
        assert (tmp_path / "out.part").is_dir()
        if how == "an error":
            raise RuntimeError("unforeseen")
        signal.raise_signal({"SIGTERM": signal.SIGTERM, "Ctrl-C": signal.SIGINT, "time": signal.SIGALRM}[how])

    monkeypatch.setattr(ptq.Journal, "write", end)
    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGALRM)
    with pytest.raises({"an error": RuntimeError, "time": EdgeError}.get(how, KeyboardInterrupt)):
        quantise(time_limit=1000)
    assert not list(tmp_path.glob("out*"))
    assert handlers == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGALRM))


def test_one_process_at_a_time(quantise, tmp_path, monkeypatch):
    write = ptq.Journal.write

    def again(*arguments):
        with pytest.raises(EdgeError, match="expected to work there alone"):
            quantise()
        write(*arguments)

    monkeypatch.setattr(ptq.Journal, "write", again)
    assert (quantise() / step.MANIFEST).is_file()
