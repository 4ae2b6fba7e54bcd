from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
from safetensors.numpy import save_file

from pipeline.base import build_base
from pipeline.base.hub import check_model_directory, check_safetensors
from pipeline.errors import EdgeError
from tests.models import tiny_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_model(tmp_path / "model")


def _edit(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda path: (path / name).write_bytes(content)


def _cut(path: Path) -> None:
    weights = path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda path: (path / "config.json").unlink(), "config.json"),
    "config no JSON": (_edit("config.json", b"{"), "JSON"),
    "config a list": (_edit("config.json", b"[]"), "object"),
    "another model": (_edit("config.json", b'{"model_type": "llama"}'), "llama"),
    "no tokenizer": (lambda path: (path / "tokenizer.json").unlink(), "tokenizer.json"),
    "tokenizer without a model": (_edit("tokenizer.json", b"{}"), "tokenizer"),
    "no weights": (lambda path: (path / "model.safetensors").unlink(), "weights"),
    "truncated weights": (_cut, "truncated"),
    "bytes too many": (lambda path: (path / "model.safetensors").open("ab").write(b"x"), "damaged"),
    "empty weights": (_edit("model.safetensors", b""), "no header"),
    "a pointer": (_edit("model.safetensors", b"version https://git-lfs.github.com/spec/v1\n"), "pointer"),
    "a header that is no JSON": (_edit("model.safetensors", struct.pack("<Q", 4) + b"abcd"), "unreadable"),
    "a header without offsets": (_edit("model.safetensors", struct.pack("<Q", 8) + b'{"w":{}}'), "unreadable"),
}


def test_a_whole_model_passes(model: Path) -> None:
    check_model_directory(model)


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_directory_is_named_in_one_line(model: Path, fault: str) -> None:
    spoil, named = BROKEN[fault]
    spoil(model)
    with pytest.raises(EdgeError, match=named) as caught:
        check_model_directory(model)
    assert "\n" not in str(caught.value) and str(model) in str(caught.value)


def test_missing_empty_and_file(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    for name, named in (("missing", "nothing"), ("empty", "empty"), ("file", "is a file")):
        with pytest.raises(EdgeError, match=named):
            check_model_directory(tmp_path / name)


def _shard(model: Path, names: dict[str, str]) -> None:
    whole = model / "model.safetensors"
    (model / "part-1.safetensors").write_bytes(whole.read_bytes())
    whole.unlink()
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))


def test_index_of_a_sharded_model_is_followed(model: Path) -> None:
    _shard(model, {"w": "part-1.safetensors"})
    check_model_directory(model)
    check_safetensors(model / "part-1.safetensors")


@pytest.mark.parametrize(("names", "named"), [
    ({"w": "part-1.safetensors", "v": "part-2.safetensors"}, "part-2"), ({"w": "../model"}, "outside"),
    ({}, "weight_map")])
def test_broken_index(model: Path, names: dict[str, str], named: str) -> None:
    _shard(model, names)
    with pytest.raises(EdgeError, match=named):
        check_model_directory(model)


def test_build_places_a_local_model(model: Path, tmp_path: Path) -> None:
    build_base(tmp_path / "out", tmp_path / "scratch", {"kind": "pretrained", "model": str(model), "parameters": 16})
    check_model_directory(tmp_path / "out")


def test_saving_over_the_local_model_does_not_change_what_was_built(model: Path, tmp_path: Path) -> None:
    build_base(tmp_path / "out", tmp_path / "scratch", {"kind": "pretrained", "model": str(model)})
    built = (tmp_path / "out" / "model.safetensors").read_bytes()
    (model / "model.safetensors").write_bytes(b"something else")
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == built


def test_a_base_of_another_size_is_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="expected a base of 596,049,920 parameters.*found 16; write a profile"):
        build_base(tmp_path / "out", tmp_path / "scratch", {"kind": "pretrained", "model": str(model), "parameters": 596_049_920})
    assert not (tmp_path / "out").exists()


def test_a_stored_head_is_not_counted_when_it_is_tied(model: Path, tmp_path: Path) -> None:
    (model / "config.json").write_text('{"model_type": "qwen3", "tie_word_embeddings": true}')
    one = numpy.ones((4, 4), numpy.float32)
    save_file({"model.embed_tokens.weight": one, "lm_head.weight": one}, model / "model.safetensors")
    build_base(tmp_path / "out", tmp_path / "scratch", {"kind": "pretrained", "model": str(model), "parameters": 16})


@pytest.mark.parametrize(("config", "named"), [
    ({"kind": "nonsense"}, "kind"), ({}, "kind"), ({"kind": "pretrained"}, "needs a model"),
    ({"kind": "pretrained", "model": "./nowhere"}, "nothing"), ({"kind": "pretrained", "modle": "x"}, "modle"),
    ({"kind": "reference", "hiden": 3}, "hiden"), ({"kind": "qwen3-shape", "layers": 3}, "layers")])
def test_a_wrong_configuration_writes_nothing(config: dict[str, object], named: str, tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match=named):
        build_base(tmp_path / "out", tmp_path / "scratch", config)
    assert not (tmp_path / "out").exists()


def test_hub_that_cannot_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(EdgeError, match="could not be downloaded"):
        build_base(tmp_path / "out", tmp_path / "scratch", {"kind": "pretrained", "model": "nobody/nothing"})
    assert not (tmp_path / "out").exists()
