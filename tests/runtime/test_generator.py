from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import EdgeError
from pipeline.runtime.generator import Generator, open_generator
from pipeline.runtime.prefixes import BLOCK, Prefixes

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["generator_fp32", "generator_int8"])
def model(request) -> Path:
    return request.getfixturevalue(request.param)


def prompt(seed: int, length: int = 50) -> list[int]:
    return np.random.default_rng(seed).integers(0, 300, length).tolist()


def counted(generator: Generator) -> list[int]:
    """How many ids each later run of the session reads."""
    lengths, session = [], generator._session

    class Counting:
        def run(self, names, feeds):
            lengths.append(feeds["ids"].shape[1])
            return session.run(names, feeds)

    generator._session = Counting()
    return lengths


def test_fed_id_by_id_or_at_once_is_the_same(generator_fp32):
    generator, ids = open_generator(generator_fp32, 1), prompt(0)
    whole = generator.start(ids).logits
    for cut in (1, BLOCK, 30, 49):
        generation = generator.start(ids[:cut])
        for one in ids[cut:]:
            generation.feed([one])
        np.testing.assert_allclose(generation.logits, whole, atol=1e-4)


def test_a_known_beginning_changes_no_bit(model):
    shared = prompt(1, 40)
    asked = [shared + prompt(seed, 20) for seed in range(5)] + [shared[:BLOCK], shared[: BLOCK + 1], shared]
    generator = open_generator(model, 1)
    for ids in asked + asked:
        warm, cold = generator.start(ids), open_generator(model, 1, cache_bytes=0).start(ids)
        np.testing.assert_array_equal(warm.logits, cold.logits)
        warm.feed([7])
        cold.feed([7])
        np.testing.assert_array_equal(warm.logits, cold.logits)


def test_a_known_beginning_is_not_computed_again(model):
    generator, shared = open_generator(model, 1), prompt(1, 2 * BLOCK)
    lengths = counted(generator)
    generator.start([*shared, 1, 2, 3])
    generator.start([*shared, 4, 5])
    generator.start([*shared[:BLOCK], *prompt(2, BLOCK), 6])
    assert lengths == [BLOCK, BLOCK, 3, 2, BLOCK, 1]


def test_other_ids_before_a_block_make_it_another(model):
    generator, block = open_generator(model, 1), prompt(3, BLOCK)
    first, second = ([*prompt(seed, BLOCK), *block, 1] for seed in (4, 5))
    generator.start(first)
    np.testing.assert_array_equal(generator.start(second).logits, open_generator(model, 1).start(second).logits)


def test_what_is_remembered_is_bounded():
    prefixes = remembering(blocks=4)
    for seed in range(10):
        prefixes.remember(prompt_of(seed), ROWS)
        assert len(prefixes.known(prompt_of(seed))) == 2
        assert prefixes._bytes == sum(block.nbytes for block in prefixes._blocks.values()) <= 4 * ROWS[:BLOCK].nbytes
    assert [len(prefixes.known(prompt_of(seed))) for seed in (0, 7, 8, 9)] == [0, 0, 2, 2]


def test_what_was_asked_last_is_forgotten_last():
    prefixes = remembering(blocks=6)
    for seed in (0, 1, 0, 2, 3):
        prefixes.remember(prompt_of(seed), ROWS)
    assert [len(prefixes.known(prompt_of(seed))) for seed in range(4)] == [2, 0, 2, 2]


def test_the_end_of_a_beginning_is_forgotten_before_its_start():
    prefixes = remembering(blocks=3)
    for seed in (0, 1):
        prefixes.remember(prompt_of(seed), ROWS)
    assert [len(prefixes.known(prompt_of(seed))) for seed in (0, 1)] == [1, 2]


ROWS = np.zeros((2 * BLOCK + 1, 3), np.float32)


def prompt_of(seed: int) -> list[int]:
    return [seed] * len(ROWS)


def remembering(blocks: int) -> Prefixes:
    return Prefixes(limit=blocks * ROWS[:BLOCK].nbytes)


def test_a_generation_leaves_what_is_remembered_alone(model):
    generator, ids = open_generator(model, 1), prompt(6)
    first = generator.start(ids)
    first._room[:] = np.nan
    assert np.isfinite(generator.start(ids).logits).all()


def test_threads_do_not_disturb_one_another(model):
    generator = open_generator(model, 1, cache_bytes=20_000)  # so small that it is always being emptied
    asked = [[*prompt(seed % 3, 2 * BLOCK), *prompt(seed, 5)] for seed in range(40)]

    def answer(generator: Generator, ids: list[int]) -> list[int]:
        generation, answer = generator.start(ids), []
        for _ in range(8):
            answer.append(int(generation.logits.argmax()))
            generation.feed(answer[-1:])
        return answer

    alone = [answer(open_generator(model, 1, cache_bytes=0), ids) for ids in asked]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda ids: answer(generator, ids), asked)) == alone


@pytest.mark.parametrize(("ids", "found"), [([], "found 0"), ([1] * 65, "expected 1 to 64 token ids after 0, found 65"),
                                            ([1, -1], "found -1 to 1"), ([1, 10**6], "found 1 to 1000000")])
def test_ids_that_cannot_be_read(generator_fp32, ids, found):
    with pytest.raises(EdgeError, match=found):
        open_generator(generator_fp32, 1).start(ids)


def test_refused_ids_leave_a_generation_as_it_was(generator_fp32):
    generation, whole = (open_generator(generator_fp32, 1).start(prompt(7, 60)) for _ in range(2))
    for ids, found in (([1] * 5, "expected 1 to 4 token ids after 60, found 5"), ([-1], "found -1"), ([], "found 0")):
        with pytest.raises(EdgeError, match=found):
            generation.feed(ids)
    for either in (generation, whole):
        either.feed([1, 2, 3, 4])
    np.testing.assert_array_equal(generation.logits, whole.logits)


@pytest.mark.parametrize(("fields", "found"), [
    ({"task": None}, "expected the backend onnx and the task generator"), ({"backend": "torch"}, "found 'torch'"),
    ({"layers": 3}, "as in runtime.json"), ({"vocabulary": 7}, "as in runtime.json"), ({"head_dim": "16"}, "positive whole numbers"),
    ({"kv_heads": True}, "positive whole numbers"), ({"file": "../model.onnx"}, "expected a file name"), ({"max_length": 0}, "max_length"),
    ({"file": "other.onnx"}, "found none; export it again")])
def test_garbage_in_a_generators_runtime_json(generator_fp32, tmp_path, fields, found):
    model = shutil.copytree(generator_fp32, tmp_path / "model")
    spec = json.loads((model / "runtime.json").read_text())
    (model / "runtime.json").write_text(json.dumps({**spec, **fields}))
    with pytest.raises(EdgeError, match=found) as caught:
        open_generator(model, 1)
    assert "\n" not in str(caught.value)


def test_a_classifier_and_a_broken_model_are_no_generators(fp32, generator_fp32, tmp_path):
    with pytest.raises(EdgeError, match="expected the backend onnx and the task generator"):
        open_generator(fp32, 1)
    model = shutil.copytree(generator_fp32, tmp_path / "model")
    (model / "model.onnx").write_bytes((fp32 / "model.onnx").read_bytes())
    with pytest.raises(EdgeError, match="as in runtime.json, found .*export it again"):
        open_generator(model, 1)
    (model / "model.onnx").write_bytes((fp32 / "model.onnx").read_bytes()[:5000])
    with pytest.raises(EdgeError, match="expected a readable ONNX model"):
        open_generator(model, 1)


WRITE = """
import sys
from pathlib import Path
from pipeline.edge.constraint import for_tools, grammar_tokenizer
from pipeline.edge.decoding import decode
from pipeline.runtime.generator import open_generator
from pipeline.runtime.prompt import read_tokenizer
model = Path(sys.argv[1])
tokenizer = read_tokenizer(model)
tools = [{"type": "function", "function": {"name": "weather", "parameters": {"properties": {"city": {"type": "string"}}}}}]
constraint = for_tools(grammar_tokenizer(tokenizer, 1), tools, "北京")
text = "".join(token.text for token in decode(open_generator(model, 1), [1, 2, 3], tokenizer=tokenizer, max_tokens=60, stop_ids=[1],
                                              constraint=constraint))
print(text[:9], *{"torch", "transformers", "onnx", "scipy", "pydantic", "yaml"} & set(sys.modules))
"""


def test_what_generates_needs_neither_torch_nor_transformers(generator_int8):
    done = subprocess.run([sys.executable, "-c", WRITE, str(generator_int8)], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ('{"name": \n', "")
