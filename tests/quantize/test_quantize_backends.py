"""Who quantised, by which texts, and that a fall-back is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from pipeline.compress.angelslim import adapter
from pipeline.data import corpora
from pipeline.environment import UnavailableError
from pipeline.errors import EdgeError
from pipeline.quantize import artifact, calibration
from pipeline.quantize.config import QuantizationConfig
from pipeline.quantize.manifest import manifest_of
from pipeline.runtime.prompt import read_tokenizer, template
from pipeline.runtime.torch_runtime import load_model
from tests.export.tiny_qwen3 import of_family


@pytest.fixture
def no_angelslim(monkeypatch):
    monkeypatch.setattr(adapter, "existing", lambda name: None)


@pytest.fixture
def lines(tmp_path):
    """A file of lines; rows that are no text as JSON."""
    def write(*rows, name="texts.jsonl"):
        text = "".join((row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n" for row in rows)
        (file := tmp_path / name).write_text(text, encoding="utf-8")
        return str(file)

    return write


def test_llm_compressor_takes_angelslims_place_and_it_is_told(no_angelslim, quantise, told):
    made = manifest_of(quantise(backend="angelslim", angelslim_method="INT8-dynamic"))
    assert (made["backend"], made["method"], made["asked"]) == ("llmcompressor", "int8-dynamic", {
        "backend": "angelslim", "method": "int8-dynamic"})
    assert "AngelSlim is not installed" in made["fallback"]
    assert len(told) == 1 and made["fallback"] in told[0] and "by llm-compressor takes its place" in told[0]


@pytest.mark.parametrize(("family", "method"), [("llama", "int4-gptq"), ("qwen2", "int8-dynamic"), *(
    pytest.param(*pair, marks=pytest.mark.slow) for pair in (("qwen2", "int4-awq"), ("llama", "fp8-static")))])
def test_other_families_fall_back_as_well_and_it_is_told(family, method, no_angelslim, merged, tmp_path, quantise, lines, told):
    model = of_family(family, merged, tmp_path / family)
    data = lines("今天天气怎么样", "现在几点了", name="texts.txt")
    out = quantise(backend="angelslim", method=method, input=model, calibration_data=data)
    assert manifest_of(out)["backend"] == "llmcompressor" and manifest_of(out)["tensors"]["quantised"] == 14
    assert told == [f"{manifest_of(out)['fallback']}; {method} by llm-compressor takes its place"] and "not installed" in told[0]
    ids = torch.tensor([[1, 2, 3, 4]])
    exact, found = (load_model(directory)(ids).logits for directory in (model, out))
    assert torch.cosine_similarity(exact, found, dim=-1).mean() > 0.8 and not torch.equal(exact, found)


def test_a_family_that_only_rounding_takes(merged, tmp_path, quantise, lines, told, monkeypatch):
    monkeypatch.setattr(adapter, "existing", lambda name: Path("python"))
    model = of_family("mistral", merged, tmp_path / "mistral")
    made = manifest_of(quantise(backend="angelslim", method="fp8-dynamic", input=model))
    assert (made["backend"], made["asked"]["backend"]) == ("ptq", "angelslim")
    assert told == ["AngelSlim was not tried on the model family mistral (only llama, qwen2, qwen3); fp8-dynamic by ptq takes its place"]
    data = {"method": "int4-gptq", "input": model, "calibration_data": lines("现在几点了", name="texts.txt")}
    with pytest.raises(UnavailableError, match="^AngelSlim was not tried .* mistral .*; nor by llm-compressor: it was not tried"):
        quantise("other", backend="angelslim", **data)
    with pytest.raises(EdgeError, match="expected a model that llm-compressor can quantise here, but it was not tried .* mistral"):
        quantise("other", backend="llmcompressor", **data)
    assert len(told) == 1 and not list(tmp_path.glob("other*"))


def test_without_a_fall_back_it_fails(no_angelslim, quantise, tmp_path):
    with pytest.raises(UnavailableError, match="AngelSlim is not installed"):
        quantise(backend="angelslim", method="int8-dynamic", fallback=False)
    assert not list(tmp_path.glob("out*"))


def test_another_failure_is_not_fallen_back_from(no_angelslim, quantise, told):
    with pytest.raises(EdgeError, match="expected calibration data, found none"):
        quantise(backend="angelslim", method="int4-gptq")
    assert not told


@pytest.mark.parametrize("method", ["fp8-static", "int4-gptq"])
def test_methods_that_look_at_texts(method, quantise, lines, merged, store, monkeypatch):
    data = lines(*({"query": query, "intent": "weather_query"} for query in ("今天天气怎么样", "现在几点了", "think system user")))
    settings = {"backend": "llmcompressor", "method": method, "calibration_data": data, "samples": 2}
    made = manifest_of(out := quantise(**settings))
    assert made["calibration"]["texts"] == 2 and made["fallback"] is None and made["settings"]["samples"] == 2
    assert load_model(out).config.model_type == "qwen3"
    if method == "fp8-static":
        monkeypatch.setattr(artifact, "write_calibration", None)  # what was read is taken from the store
        quantise("again", **settings)
        assert (out / "model.safetensors").read_bytes() == (out.with_name("again") / "model.safetensors").read_bytes()


@pytest.mark.parametrize(("row", "text"), [
    ({"text": "现在几点了"}, "现在几点了"), ({"query": " 现在几点了 ", "intent": "time_query"}, "".join(template("判断意图")).replace(
        "user\n<|im_end|>", "user\n现在几点了<|im_end|>")), ("现在几点了", "现在几点了")])
def test_each_form_of_text(row, text, lines, merged, tmp_path):
    name = "texts.txt" if isinstance(row, str) else "texts.jsonl"
    calibration.write_calibration(tmp_path, source=merged, data=lines(row, name=name), samples=9, length=100, seed=1, system="判断意图")
    (ids,) = calibration.token_ids(tmp_path / calibration.FILE)
    assert ids == read_tokenizer(merged).encode(text, add_special_tokens=False).ids
    calibration.write_calibration(tmp_path, source=merged, data=lines(row, name=name), samples=9, length=3, seed=1, system="判断意图")
    assert calibration.token_ids(tmp_path / calibration.FILE) == [ids[:3]]


def test_messages_by_the_models_own_template(lines, merged, tmp_path):
    (model := tmp_path / "model").mkdir()
    for name in ("tokenizer.json", "config.json"):
        (model / name).write_bytes((merged / name).read_bytes())
    data = lines({"messages": [{"role": "user", "content": "现在几点了"}]})
    settings = {"data": data, "samples": 1, "length": 99, "seed": 1, "system": ""}
    with pytest.raises(EdgeError, match="texts.jsonl:1: expected messages that the model's chat template takes"):
        calibration.write_calibration(tmp_path, source=model, **settings)
    calibration._chat_tokenizer.cache_clear()
    (model / "chat_template.jinja").write_text("{% for m in messages %}{{ m.role }} {{ m.content }}{% endfor %}")
    calibration.write_calibration(tmp_path, source=model, **settings)
    assert json.loads((tmp_path / calibration.FILE).read_text())["text"] == "user 现在几点了"


@pytest.mark.parametrize(("rows", "message"), [
    ([], "found an empty file"), (["{"], "texts.jsonl:1: expected a JSON object"),
    ([{"words": "x"}], "texts.jsonl:1: expected .*found the fields words"),
    ([{"text": " "}], "expected at least one text to calibrate by, found none")])
def test_texts_of_no_use(rows, message, lines, quantise):
    with pytest.raises(EdgeError, match=message):
        quantise(backend="llmcompressor", method="fp8-static", calibration_data=lines(*rows))


@pytest.mark.parametrize("name", ["nowhere.txt", ".", "/dev/zero"])
def test_data_that_is_no_file(name, quantise):
    with pytest.raises(EdgeError, match="expected calibration data: a file, or one of wikitext, c4, found"):
        quantise(backend="llmcompressor", method="fp8-static", calibration_data=name)


def test_a_corpus_without_a_hub(monkeypatch):
    import datasets

    def unreachable(*_, **__):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    for flag in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.delenv(flag, raising=False)
    with pytest.raises(EdgeError, match="wikitext is read from a hub .Salesforce/wikitext., which cannot be reached: no route to host"):
        list(corpora.corpus("wikitext", "train", 3))
    rows = [{"text": text} for text in ("= heading =", "word " * 99, "other " * 99)]
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: rows)
    assert list(corpora.corpus("c4", "train", 1, calibration.SHORTEST)) == ["word " * 99]


def test_wikitext_calibrates_by_blocks_of_the_running_text(merged, tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "corpus", lambda name, part: iter(["", " = 天气 = \n", "", " 今天天气怎么样 \n"] * 20))
    tokenizer = read_tokenizer(merged)
    whole = tokenizer.encode("\n\n".join(["", " = 天气 = \n", "", " 今天天气怎么样 \n"] * 20), add_special_tokens=False).ids
    calibration.write_calibration(tmp_path, source=merged, data="wikitext", samples=5, length=8, seed=1, system="")
    found = calibration.token_ids(tmp_path / calibration.FILE)
    assert len(found) == 5 and all(ids in [whole[at:at + 8] for at in range(0, len(whole), 8)] and len(ids) == 8 for ids in found)


def test_parquet_in_and_out(merged, quantise, tmp_path, store, monkeypatch):
    from pipeline.formats.parquet import to_directory, to_parquet

    to_parquet(merged, tmp_path / "model.parquet")
    direct = quantise("direct", method="int4-rtn")
    out = quantise("out.parquet", method="int4-rtn", input=tmp_path / "model.parquet")
    to_directory(out, back := tmp_path / "back")
    for name in ("model.safetensors", "config.json"):
        assert (back / name).read_bytes() == (direct / name).read_bytes()
    assert manifest_of(back)["method"] == "int4-rtn"
    converted = artifact.model_directory(tmp_path / "model.parquet", store)
    assert converted == artifact.model_directory(tmp_path / "model.parquet", store) and Path(store.root) in converted.parents
    assert QuantizationConfig(input=converted).input == converted


@pytest.mark.parametrize("backend", ["ptq", "llmcompressor"])
def test_a_tied_head_is_never_quantised(backend, merged, quantise):
    """Its weight is the embedding's.  A matrix that does not fit may be ignored, whoever quantises."""
    out = quantise(backend=backend, method="fp8-dynamic", ignore=("re:.*down_proj",))
    exact, found = (dict(load_model(directory).named_parameters()) for directory in (merged, out))
    changed = {name for name, tensor in exact.items() if not torch.equal(tensor, found[name])}
    assert len(changed) == 12 and not [name for name in changed if "down_proj" in name or "layers" not in name]
    assert json.loads((out / "config.json").read_text())["tie_word_embeddings"] is True
