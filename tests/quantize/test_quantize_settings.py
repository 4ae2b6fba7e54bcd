from __future__ import annotations

import pytest

from pipeline.errors import EdgeError
from pipeline.quantize.backends import backend
from pipeline.quantize.config import BACKENDS, METHODS, QuantizationConfig
from pipeline.quantize.layers import layered


@pytest.fixture
def file(tmp_path):
    def write(text):
        (path := tmp_path / "quantize.yaml").write_text(text)
        return path

    return write


def test_a_flag_comes_before_the_file_before_the_environment_before_the_default(file):
    variables = {"EDGE_QUANTIZE_SAMPLES": "1", "EDGE_QUANTIZE_SEED": "1", "EDGE_QUANTIZE_INPUT": "model", "OTHER": "x"}
    given = file("samples: 2\nseed: 2\ngroup_size: 2\n")
    config = layered({"samples": "3"}, given, variables)
    assert (config.samples, config.seed, config.group_size, config.sequence_length) == (3, 2, 2, 512)
    assert str(config.input) == "model"
    assert layered({}, None, variables).seed == 1


@pytest.mark.parametrize(("flags", "text", "variables", "where"), [
    ({"samples": "many"}, "samples: 2\n", {}, "--samples"),
    ({}, "samples: many\n", {"EDGE_QUANTIZE_SAMPLES": "2"}, "quantize.yaml: samples"),
    ({"seed": "2"}, "seed: 2\n", {"EDGE_QUANTIZE_SAMPLES": "many"}, "the variable EDGE_QUANTIZE_SAMPLES"),
    ({"method": "int4-gptq"}, "backend: ptq\n", {}, "--method: method: expected a method of ptq"),
    ({}, "samplse: 2\n", {}, "did you mean samples"),
    ({}, "seed: 2\n", {"EDGE_QUANTIZE_SAMPLSE": "2"}, "EDGE_QUANTIZE_SAMPLSE: unknown key samplse"),
    ({"group_size": "0"}, "seed: 2\n", {}, "--group-size"),
    ({"ignore": ["re:("]}, "seed: 2\n", {}, "--ignore"),
    ({"angelslim_method": "FP8-static"}, "seed: 2\n", {}, "--angelslim-method: angelslim_method: expected the backend angelslim"),
])
def test_whoever_gave_a_wrong_value_is_named(flags, text, variables, where, file):
    with pytest.raises(EdgeError) as raised:
        layered({"input": "model", **flags}, file(text), variables)
    assert where in str(raised.value)


def test_what_is_missing_is_named():
    with pytest.raises(EdgeError, match="edge quantize: input: Field required"):
        layered({}, None, {})


@pytest.mark.parametrize(("name", "method"), [("FP8-static", "fp8-static"), ("int4_gptq", "int4-gptq"), ("INT8-Dynamic", "int8-dynamic")])
def test_angelslims_own_names_in_any_case(name, method):
    assert QuantizationConfig(input="model", backend="angelslim", angelslim_method=name).method == method


def test_two_methods_at_once_are_refused():
    with pytest.raises(ValueError, match="expected one method"):
        QuantizationConfig(input="model", backend="angelslim", angelslim_method="FP8-static", method="int4-gptq")


def test_words_of_a_variable_are_a_list():
    variables = {"EDGE_QUANTIZE_INPUT": "m", "EDGE_QUANTIZE_IGNORE": r"lm_head re:.*\.0\."}
    assert layered({}, None, variables).ignore == ("lm_head", r"re:.*\.0\.")


@pytest.mark.parametrize("name", BACKENDS)
def test_the_methods_of_a_backend_are_those_of_its_file(name):
    assert backend(name).METHODS == BACKENDS[name] and set(BACKENDS[name]) <= set(METHODS)
