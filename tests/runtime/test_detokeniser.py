from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.edge.detokeniser import Detokeniser
from pipeline.runtime.prompt import read_tokenizer

TEXT = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("今天天气怎么样é̈😀👩‍👩‍👧\ufffd\n\0 \"\\")), max_size=40)


@pytest.fixture(scope="module")
def tokenizer(merged):
    return read_tokenizer(merged)


@given(TEXT)
def test_the_pieces_are_the_text(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    detokeniser = Detokeniser(tokenizer)
    assert "".join(map(detokeniser.step, ids)) == tokenizer.normalizer.normalize_str(text)


@given(TEXT, st.integers(0, 40))
def test_each_piece_is_whole_characters_as_soon_as_they_are_complete(tokenizer, text, cut):
    text = tokenizer.normalizer.normalize_str(text)
    encoded = text.encode()[:cut]
    detokeniser, of_byte = Detokeniser(tokenizer), {Detokeniser(tokenizer).bytes_of(i): i for i in range(tokenizer.get_vocab_size())}
    shown = "".join(detokeniser.step(of_byte[bytes([byte])]) for byte in encoded)
    assert shown == encoded.decode(errors="ignore")


@given(st.lists(st.integers(0, 420), max_size=30))
def test_any_ids_are_text_as_the_library_reads_them(tokenizer, ids):
    """Of ids that the model may give though they were never trained: bytes that are no UTF-8, control tokens, unknown ids."""
    detokeniser = Detokeniser(tokenizer)
    shown = "".join(map(detokeniser.step, ids))
    raw = b"".join(map(detokeniser.bytes_of, ids))
    assert raw.decode(errors="replace").startswith(shown)
    plain = [i for i in ids if i < tokenizer.get_vocab_size() and i not in tokenizer.get_added_tokens_decoder()]
    assert b"".join(map(detokeniser.bytes_of, plain)).decode(errors="replace") == tokenizer.decode(plain)


def test_a_control_token_is_no_text_and_other_markup_is(tokenizer):
    detokeniser = Detokeniser(tokenizer)
    assert detokeniser.step(tokenizer.token_to_id("<|im_end|>")) == ""
    assert detokeniser.step(tokenizer.token_to_id("<think>")) == "<think>"
    assert detokeniser.step(10**6) == ""
