"""What Core ML would hand to the Neural Engine: counted by hand, each rule seen broken, on programs that coremltools saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.cli import main
from pipeline.errors import EdgeError
from pipeline.preflight import preflight
from tests.mil_programs import save


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Callable[..., Path]:
    """``saved(body, shape)``: ``body(mb, x)`` of one input x as a .mlpackage."""
    return lambda body, *shape, **more: save(tmp_path_factory.mktemp("mil") / "m.mlpackage", body, *shape, **more)


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


def test_products_are_counted_by_what_they_sum(saved):
    found = preflight(saved(lambda mb, x: mb.matmul(x=mb.linear(x=x, weight=ones(7, 5)), y=mb.linear(x=x, weight=2 * ones(7, 5)),
                                                    transpose_y=True), 1, 3, 5))
    assert found.macs == 2 * (3 * 7 * 5) + 3 * 3 * 7 and found.share == 1 and found.partitions == 1 and not found.idle
    turned = preflight(saved(lambda mb, x: mb.matmul(x=x, y=x, transpose_x=True), 1, 3, 5))
    assert turned.macs == 5 * 5 * 3
    assert preflight(saved(lambda mb, x: mb.conv(x=x, weight=ones(4, 2, 3, 3)), 1, 2, 8, 8)).macs == 4 * 6 * 6 * 2 * 9


@pytest.mark.parametrize(("body", "shape", "precision", "rule"), [
    (lambda mb, x: mb.linear(x=x, weight=ones(7, 5)), (1, 3, 5), "FLOAT32", "fp16 only"),
    (lambda mb, x: mb.linear(x=x, weight=ones(16_385, 2)), (1, 3, 2), "FLOAT16", "no axis longer than 16,384"),
    (lambda mb, x: mb.matmul(x=x, y=x, transpose_y=True), (1, 1, 1, 3, 5), "FLOAT16", "at most 4 axes"),
])
def test_each_rule_is_seen_broken(saved, body, shape, precision, rule):
    found = preflight(saved(body, *shape, precision=precision))
    assert {one.rule for one in found.idle} == {rule} and found.share == 0


def test_a_product_that_is_not_counted_is_still_seen_to_run_elsewhere(saved):
    found = preflight(saved(lambda mb, x: mb.einsum(values=(x, ones(1, 5, 1, 7)), equation="bchw,bwhu->bchu"), 1, 4, 1, 5,
                            precision="FLOAT32"))
    assert found.idle and found.share == 0


def test_an_operation_between_products_cuts_the_program_in_two(saved):
    found = preflight(saved(lambda mb, x: mb.linear(x=mb.cumsum(x=mb.linear(x=x, weight=ones(5, 5))), weight=ones(5, 5)), 1, 3, 5))
    assert found.partitions == 2 and found.idle == [] and {one.operation.kind for one in found.kept} >= {"cumsum"}


def test_the_command_tells_which_product_stays_off(saved, capsys):
    half, whole = (saved(lambda mb, x: mb.linear(x=x, weight=ones(7, 5)), 1, 3, 5, precision=name) for name in ("FLOAT16", "FLOAT32"))
    assert main(["preflight", str(half)]) == 0
    assert main(["preflight", str(half), str(whole)]) == 1
    assert "1 linear: expected fp16 only" in capsys.readouterr().out


def test_a_package_that_cannot_be_read_is_one_line(saved, capsys):
    package = saved(lambda mb, x: mb.linear(x=x, weight=ones(7, 5)), 1, 3, 5)
    manifest = package / "Manifest.json"
    manifest.write_text(json.dumps({"itemInfoEntries": {"a": {"path": "../../outside.mlmodel"}}, "rootModelIdentifier": "a"}))
    with pytest.raises(EdgeError, match="expected a path inside the package"):
        preflight(package)
    assert main(["preflight", str(package)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
