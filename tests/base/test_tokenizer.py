from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.base.reference import Reference, write_tokenizer
from pipeline.base.tokenizer import CONTROL, MARKUP, ROLES
from pipeline.runtime.prompt import Prompt, template

CHINESE = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), max_size=40)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory):  # noqa: ANN201 - transformers' own type, imported lazily
    return write_tokenizer(tmp_path_factory.mktemp("tokenizer"), Reference())


@settings(deadline=None)
@given(text=st.one_of(CHINESE, st.text(max_size=40)))
def test_round_trip(tokenizer, text: str) -> None:  # noqa: ANN001
    """Byte-level: any text comes back, but for the NFC normalisation that Qwen3 applies too."""
    import unicodedata

    ids = tokenizer(text)["input_ids"]
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == unicodedata.normalize("NFC", text)


def test_vocabulary_size_and_single_special_tokens(tokenizer) -> None:  # noqa: ANN001
    assert 2500 <= len(tokenizer) <= 4096
    for token in [*CONTROL, *MARKUP, *"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "\n\n", *ROLES, *"天雨点"]:
        assert len(tokenizer(token)["input_ids"]) == 1, token


def test_a_query_that_names_a_role_is_read_alike_by_trainer_and_runtime(tokenizer, tmp_path: Path) -> None:  # noqa: ANN001
    """The trainer reads added tokens as such and the runtime as text, so no word that people say may be one."""
    tokenizer.save_pretrained(tmp_path)
    for query in ("what is a user interface", "system 怎么拼", "assistant是什么意思"):
        assert Prompt(tmp_path, *template("判断意图"), 128).encode(query).ids == tokenizer(query.join(template("判断意图")))["input_ids"]


def test_template_is_the_decision_prompt(tokenizer) -> None:  # noqa: ANN001
    messages = [{"role": "system", "content": "判断意图"}, {"role": "user", "content": "你好"}]
    asked = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, enable_thinking=False)
    assert asked == "你好".join(template("判断意图"))
    answered = [*messages, {"role": "assistant", "content": "A"}]
    assert tokenizer.apply_chat_template(answered, tokenize=False) == asked + "A<|im_end|>\n"


def test_template_with_thoughts_and_turns(tokenizer) -> None:  # noqa: ANN001
    """As Qwen3: thoughts of earlier turns are dropped, those of the last turn kept."""
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "<think>\nt\n</think>\n\nb"},
                {"role": "user", "content": "c"}, {"role": "assistant", "content": "<think>\nu\n</think>\n\nd"}]
    assert tokenizer.apply_chat_template(messages, tokenize=False) == (
        "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n"
        "<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n<think>\nu\n</think>\n\nd<|im_end|>\n")
    open_ended = tokenizer.apply_chat_template(messages[:1], tokenize=False, add_generation_prompt=True)
    assert open_ended == "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n"


def test_files_are_reproducible(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        write_tokenizer(tmp_path / name, Reference(vocab_size=1000))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
