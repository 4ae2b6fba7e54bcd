"""Embeddings as they are served: a text in, a vector of unit length out; no torch.

Qwen3-Embedding's way (Zhang et al. 2025, arXiv:2506.05176): the state at the last token, which is an end token put after the text;
queries, not documents, begin with an instruction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import EdgeError
from pipeline.runtime import Runtime, backend_of, load
from pipeline.runtime.files import read_object, write_object
from pipeline.runtime.prompt import Prompt

FILE = "embedding.json"
END = "<|endoftext|>"


@dataclass(frozen=True)
class Embedding:
    """How texts become vectors: query_prefix, what a query begins with; max_length, the most ids; dimensions, of a vector."""

    query_prefix: str
    max_length: int
    dimensions: int

    def write(self, directory: Path) -> None:
        write_object(directory / FILE, {"version": 1, **asdict(self)})


def read_embedding(directory: Path) -> Embedding:
    """embedding.json of a directory; EdgeError when it is missing or says something else."""
    content = read_object(directory / FILE, "how texts are embedded")
    fields = {name: content.get(name) for name in ("query_prefix", "max_length", "dimensions")}
    prefix, *numbers = fields.values()
    if content.get("version") != 1 or not isinstance(prefix, str) or any(type(one) is not int or one < 2 for one in numbers):
        raise EdgeError(f"{directory / FILE}: expected version 1, a query_prefix, and a max_length and dimensions of at least 2, found "
                        f"{content!r:.120}; make it again")
    return Embedding(**fields)


def text_prompt(directory: Path, max_length: int) -> Prompt:
    """Encodes a text and the end token; the middle of one that is too long is left out."""
    return Prompt(directory, "", END, max_length)


class Embedder:
    """A model's directory and that of its tokenizer and embedding.json, opened together.  Safe from several threads."""

    def __init__(self, embedding: Embedding, prompt: Prompt, runtime: Runtime) -> None:
        self.embedding, self._prompt, self._runtime = embedding, prompt, runtime

    @classmethod
    def open(cls, model: Path, rule: Path, threads: int) -> Embedder:
        """EdgeError when one is missing, broken, or made for another than the other."""
        embedding = read_embedding(Path(rule))
        if backend_of(Path(model)) == "torch":
            raise EdgeError(f"{model}: expected an exported embedding, found weights; leave `runtime: torch` out of the recipe")
        return cls(embedding, text_prompt(Path(rule), embedding.max_length), load(Path(model), list(range(embedding.dimensions)), threads))

    def embed(self, texts: Sequence[str], query: bool = False) -> np.ndarray:
        """float32 [texts, dimensions], each of length 1; EdgeError for an empty text."""
        prefix = self.embedding.query_prefix if query else ""
        return np.stack([self.vector(prefix + text)[0] for text in texts])

    def vector(self, text: str) -> tuple[np.ndarray, int]:
        """Of one text as it stands, and how many ids it had."""
        ids = self._prompt.encode(text).ids
        vector = self._runtime.logits(ids)
        return vector / max(float(np.linalg.norm(vector)), 1e-12), len(ids)
