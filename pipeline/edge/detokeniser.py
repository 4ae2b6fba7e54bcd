"""Text from token ids as they come, by a byte-level BPE tokenizer, where one character may be several tokens."""

from __future__ import annotations

import codecs

from tokenizers import Tokenizer


def _byte_of_each_character() -> dict[str, int]:
    """The characters that GPT-2's byte-level BPE (Radford et al. 2019) writes bytes as: itself, or from U+0100 on where it is no print."""
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printed]
    return {chr(byte): byte for byte in printed} | {chr(0x100 + index): byte for index, byte in enumerate(others)}


_BYTES = _byte_of_each_character()


class Detokeniser:
    """The text of one sequence of ids; a tokenizer may be shared by several."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._added = tokenizer.get_added_tokens_decoder()
        self._characters = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def step(self, token_id: int) -> str:
        """The characters that this id completes; what is no UTF-8 becomes U+FFFD once that is certain."""
        return self._characters.decode(self.bytes_of(token_id))

    def bytes_of(self, token_id: int) -> bytes:
        """What one token stands for: nothing where it is a control token or not in the vocabulary."""
        added = self._added.get(token_id)
        if added is not None:
            return b"" if added.special else added.content.encode()
        return bytes(_BYTES[character] for character in self._tokenizer.id_to_token(token_id) or "")
