"""Device profiles: every number has a source, and a mistake in one is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.compress.recipe import load_recipe
from pipeline.errors import EdgeError
from pipeline.plan.candidate import FORMATS, engine_of
from pipeline.plan.device import devices, load_device

MISTAKES = {
    "unknown key bandwith; did you mean bandwidth": lambda device: device.update(bandwith=device.pop("bandwidth")),
    "bandwidth.value: Input should be greater than 0": lambda device: device["bandwidth"].update(value=-120),
    "bandwidth.value: Input should be a valid number": lambda device: device["bandwidth"].update(value="120"),
    "bandwidth.value: Input should be a finite number": lambda device: device["bandwidth"].update(value=float("inf")),
    "bandwidth.source: Field required": lambda device: device["bandwidth"].pop("source"),
    "bandwidth.source: String should have at least 10 characters": lambda device: device["bandwidth"].update(source="somebody"),
    "rates.gpu.float12": lambda device: device["rates"]["gpu"].update(float12=device["rates"]["gpu"]["float16"]),
    "engines.coreml: Input should be 'cpu', 'gpu' or 'npu'": lambda device: device["engines"].update(coreml="ane"),
    "mlx uses the gpu, of which no rate stands": lambda device: device["rates"].pop("gpu"),
    "memory: Field required": lambda device: device.pop("memory"),
}


@pytest.mark.parametrize("says", MISTAKES)
def test_a_mistake_in_a_device_is_one_line(says, device_file):
    path = device_file(MISTAKES[says])
    with pytest.raises(EdgeError) as caught:
        load_device(str(path))
    assert str(path) in str(caught.value) and says in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("content", "says"), [
    (None, "device.yaml: expected a YAML file, found none"), ("", "expected a mapping"), ("name: [m4", "expected valid YAML"),
    ("- m4\n", "found list"),
    ("name: m4\nname: m5\n", "stands twice"), ("\x00", "expected valid YAML"),
])
def test_a_file_that_is_no_device_is_one_line(content, says, tmp_path: Path):
    path = tmp_path / "device.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(EdgeError, match=says):
        load_device(str(path))


@pytest.mark.parametrize("name", ["m5", "", "../m4", "/etc/passwd", "m4.yml/", "x" * 5000])
def test_an_unknown_device_names_the_known_ones(name):
    with pytest.raises(EdgeError, match="expected one of a18, a19-pro, m4, m4-max, m4-pro, raspberry-pi-5, snapdragon-8-elite, x86"):
        load_device(name)


@pytest.mark.parametrize("name", devices())
def test_a_device_is_whole(name):
    device = load_device(name)
    assert device.name == name
    assert load_recipe(device.recommended.recipe).runtime in device.engines
    assert not device.recommended.format or (device.recommended.format in FORMATS
                                             and engine_of(device.recommended.format) in device.engines)


def test_the_chips_that_the_host_is_told_by_are_known():
    from pipeline.measure.host import is_m4
    assert {load_device(name).chip for name in devices() if is_m4(load_device(name).chip)} == {"Apple M4", "Apple M4 Pro", "Apple M4 Max"}
