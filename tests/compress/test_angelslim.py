"""AngelSlim's adapter around an engine that fails on request: what is fallen back from, what is told as a mistake; nothing stays."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.compress.angelslim import METHODS, Unavailable, adapter, available, quantise, result
from pipeline.environment import requirements
from pipeline.errors import EdgeError
from pipeline.quantize import QuantizationConfig, quantize
from pipeline.store import Store

ENGINE = """
{fault}
class Engine:
    def prepare_model(self, family, model_path, **settings):
        assert family == "Qwen" and settings["trust_remote_code"] is False
        self.source = model_path
    def prepare_data(self, custom_dataloader): self.data = list(custom_dataloader)
    def prepare_compressor(self, *_): ...
    def run(self): ...
    def convert(self): ...
    def save(self, out):
{save}
"""
SAVE = """
        import json, os, shutil, torch
        from pathlib import Path
        from safetensors.torch import load_file, save_file
        made = {}
        for name, tensor in load_file(Path(self.source) / "model.safetensors").items():
            if ".layers." in name and tensor.ndim == 2:
                scale = tensor.abs().amax(1, keepdim=True) / 127
                made |= {name: (tensor / scale).round().to(torch.int8), name + "_scale": scale}
            else:
                made[name] = tensor
        os.makedirs(out)
        save_file(made, out + "/model.safetensors")
        config = json.loads((Path(self.source) / "config.json").read_text())
        kind = {"num_bits": 8, "type": "int", "strategy": "channel"}
        group = {"targets": ["Linear"], "weights": kind, "input_activations": kind | {"strategy": "token", "dynamic": True}}
        config["quantization_config"] = {"quant_method": "compressed-tensors", "format": "int-quantized", "ignore": ["lm_head"],
                                         "quantization_status": "compressed", "config_groups": {"group_0": group}}
        config["use_cache"] = False
        Path(out, "config.json").write_text(json.dumps(config))
"""
CONFIGURATION = """
class CompressionConfig:
    def __init__(self, *_, **__): ...
GlobalConfig = QuantizationConfig = CompressionConfig
"""
FAULTS = {
    "its package is incomplete: No module named 'angelslim.compressor.other'": "import angelslim.compressor.other",
    "no accelerator: Torch not compiled with CUDA enabled": "import torch; torch.zeros(1).cuda()",
    "out of memory: MemoryError": "bytearray(1 << 62)",
    "out of memory: .*DefaultCPUAllocator: can't allocate memory": "import torch; torch.empty(1 << 50)",
    "out of memory: its process was killed": "import os; os.kill(os.getpid(), 9)",
    "the disk is full: .*No space left on device": "with open('/dev/full', 'w') as file: file.write('x')",
    "the disk is full: .*os error 28": "from safetensors import SafetensorError\nraise SafetensorError("
                                       "'Error while serializing:\\nI/O error: No space left on device (os error 28)')",
    "not done within the time limit of 1 s": "import time; time.sleep(600)",
}


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Put an engine with this ``save`` in AngelSlim's place: a package beside the libraries of this environment."""
    package, python = tmp_path / "site" / "angelslim", tmp_path / "python"
    (package / "utils").mkdir(parents=True)
    (package / "compressor").mkdir()
    (package / "compressor" / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "utils" / "config_parser.py").write_text(CONFIGURATION)
    python.write_text(f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH:{package.parent}" exec "{sys.executable}" "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(adapter, "existing", lambda _: python)

    def put(fault: str = "", save: str = "        pass") -> None:
        (package / "engine.py").write_text(ENGINE.format(fault=fault, save=save))
    return put


@pytest.fixture
def here(tmp_path):
    return tmp_path / "out", tmp_path / "scratch"


@pytest.mark.parametrize("reason", FAULTS)
def test_what_lies_in_the_machine_or_the_package_is_unavailable(engine, merged, here, reason):
    if "/dev/full" in FAULTS[reason] and not Path("/dev/full").exists():
        pytest.skip("a device that is always full is Linux's")
    engine(FAULTS[reason])
    with pytest.raises(Unavailable, match=reason) as error:
        quantise(merged, *here, "int8-dynamic", seconds=1 if "time limit" in reason else None, threads=1)
    assert "\n" not in str(error.value) and not here[0].exists()


def test_a_stand_in_for_what_the_wheel_lacks_can_be_imported_and_not_used(engine, merged, here):
    engine("from angelslim.compressor.qat.qat import QAT", "        QAT()")
    with pytest.raises(Unavailable, match="its package is incomplete: angelslim.compressor.qat.qat is not installed"):
        quantise(merged, *here, "int8-dynamic", threads=1)


@pytest.mark.parametrize("mistake", ["raise RuntimeError('shapes do not fit')", "import sys; sys.exit(3)",
                                     "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"])
def test_what_is_a_mistake_is_told_and_not_fallen_back_from(engine, merged, here, mistake):
    engine(mistake)
    with pytest.raises(EdgeError, match="shapes do not fit|exit code 3|quantising reaches no network") as error:
        quantise(merged, *here, "int8-dynamic", threads=1)
    assert not isinstance(error.value, Unavailable) and not here[0].exists()


def test_a_whole_result_comes_with_tokenizer_and_configuration(engine, merged, here):
    engine(save=SAVE)
    told = quantise(merged, *here, "int8-dynamic", threads=1)
    out = here[0]
    before, after = (json.loads((folder / "config.json").read_text()) for folder in (merged, out))
    assert after.pop("quantization_config")["quant_method"] == "compressed-tensors" and after == before
    assert (out / "tokenizer.json").read_bytes() == (merged / "tokenizer.json").read_bytes()
    assert told["tensors"] == {"quantised": 14, "kept": 10} and told["libraries"]["angelslim"] == "0.5.0"
    assert {file.name for file in out.iterdir()} == {file.name for file in merged.iterdir()}
    with pytest.raises(EdgeError, match="expected no output yet, found one"):
        quantise(merged, out, here[1], "int8-dynamic")


def test_a_disk_that_is_full_only_when_the_result_is_moved(engine, merged, here, monkeypatch):
    engine(save=SAVE)
    monkeypatch.setattr(result.shutil, "copyfile", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(Unavailable, match="the disk is full: .*No space left"):
        quantise(merged, *here, "int8-dynamic", threads=1)
    assert not here[0].exists()


@pytest.fixture
def made(merged, tmp_path):
    """What a good engine writes."""
    space: dict = {}
    exec("class Engine:\n    def save(self, out):\n" + SAVE, space)  # noqa: S102 - the text above
    engine = space["Engine"]()
    engine.source = str(merged)
    engine.save(str(tmp_path / "made"))
    return tmp_path / "made"


MATRIX = "model.layers.1.mlp.up_proj.weight"
DAMAGE = {
    "expected a scale of .*up_proj.weight, found none": lambda held: held.pop(f"{MATRIX}_scale"),
    "expected codes of .*up_proj.weight": lambda held: held.update({MATRIX: held[MATRIX][:, :8].contiguous()}),
    "expected codes of .*up_proj.weight .*, found F32": lambda held: held.update({MATRIX: held[MATRIX].float()}),
    "expected finite scales above 0 .*, found nan": lambda held: held[f"{MATRIX}_scale"].fill_(torch.nan),
    "expected finite scales above 0 .*, found inf": lambda held: held[f"{MATRIX}_scale"].fill_(torch.inf),
    "expected finite scales above 0 .*, found 0": lambda held: held[f"{MATRIX}_scale"].zero_(),
    r"expected model.norm.weight \[64\], found None": lambda held: held.pop("model.norm.weight"),
    "expected the tensors of the model alone, found strange": lambda held: held.update(strange=torch.ones(2)),
}


@pytest.mark.parametrize("wrong", DAMAGE)
def test_a_result_that_is_not_whole_is_refused(made, merged, wrong):
    assert result.check(made, merged) == {"quantised": 14, "kept": 10}
    held = load_file(made / "model.safetensors")
    DAMAGE[wrong](held)
    save_file(held, made / "model.safetensors")
    with pytest.raises(EdgeError, match=wrong):
        result.check(made, merged)


@pytest.mark.parametrize("config", [
    None, {"quant_method": "awq", "config_groups": {"group_0": {}}}, {"quant_method": "compressed-tensors"}])
def test_a_result_that_says_another_form_is_refused(made, merged, config):
    content = json.loads((made / "config.json").read_text())
    (made / "config.json").write_text(json.dumps({**content, "quantization_config": config}))
    with pytest.raises(EdgeError, match="expected a compressed-tensors quantization_config"):
        result.check(made, merged)


def test_a_truncated_result_is_refused(made, merged):
    file = made / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(EdgeError, match="expected whole weights"):
        result.check(made, merged)


def test_what_cannot_be_asked_of_it(engine, merged, here, tmp_path):
    engine()
    with pytest.raises(EdgeError, match="expected one of AngelSlim's methods fp8-static.*, found 'int3'"):
        quantise(merged, *here, "int3")
    with pytest.raises(EdgeError, match="int4-gptq: expected prompts to calibrate with"):
        quantise(merged, *here, "int4-gptq", [[]])
    with pytest.raises(EdgeError, match="down_proj.* expected inputs in groups of 64"):
        quantise(merged, *here, "int4-gptq", [[1, 2]], group_size=64)
    with pytest.raises(EdgeError, match="expected config.json"):
        quantise(tmp_path, *here, "int8-dynamic")


def family(folder: Path, **config: object) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    save_file({"model.layers.0.mlp.up_proj.weight": torch.ones(32, 32)}, folder / "model.safetensors")
    return folder


def test_other_families_and_models_that_are_quantised(engine, here, tmp_path):
    engine()
    with pytest.raises(Unavailable, match="not tried on the model family gpt2"):
        quantise(family(tmp_path / "other", model_type="gpt2"), *here, "int8-dynamic")
    with pytest.raises(EdgeError, match="expected a model that is not quantised"):
        quantise(family(tmp_path / "again", model_type="qwen3", quantization_config={}), *here, "int8-dynamic")


def test_where_it_is_not_installed_that_is_said(merged, here, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(here[1]))
    assert "not installed; python -m pipeline.environment angelslim makes" in str(available())
    with pytest.raises(Unavailable, match="not installed"):
        quantise(merged, *here, "int8-dynamic")
    assert not here[0].exists()


@pytest.mark.slow
def test_llm_compressor_takes_its_place_and_the_manifest_says_so(engine, merged, tmp_path):
    engine("raise MemoryError('no more')")
    config = QuantizationConfig(input=merged, output=tmp_path / "out", backend="angelslim", method="int8-dynamic", time_limit=900)
    told: list[str] = []
    manifest = json.loads((quantize(config, store=Store(tmp_path / "store"), tell=told.append) / "quantization.json").read_text())
    why = "AngelSlim's int8-dynamic cannot be had here: out of memory: no more"
    assert (manifest["backend"], manifest["asked"]["backend"], manifest["fallback"]) == ("llmcompressor", "angelslim", why)
    assert len(told) == 1 and told[0].startswith(why) and "angelslim" not in manifest["libraries"]
    with pytest.raises(Unavailable, match="out of memory: no more"):
        quantize(config.model_copy(update={"output": tmp_path / "other", "fallback": False}), store=Store(tmp_path / "store"))
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(("out", "other"))) == ["out"]


def test_its_version_is_exact_and_the_methods_are_those_of_quantize():
    assert requirements("angelslim").splitlines() == ["angelslim==0.5.0", "shortuuid==1.0.13"]
    assert set(METHODS) == {"fp8-static", "fp8-dynamic", "int8-dynamic", "int4-gptq", "int4-awq"}
