"""MLX: Metal on Apple silicon, the CPU elsewhere; the prompt's fixed beginning is read once."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import EdgeError
from pipeline.runtime.exported import Prompts, read_exported

if TYPE_CHECKING:
    import mlx.core as mx


def why_not_here() -> str:
    """"" where MLX is installed and starts."""
    try:
        import mlx.core
    except ImportError as error:
        return f"MLX does not start here ({' '.join(str(error).split())}); it runs on a Mac with Apple silicon, and on Linux with mlx[cpu]"
    assert mlx.core
    return "" if find_spec("mlx_lm") else "mlx-lm is not installed here, which holds the models; install mlx-lm where MLX runs"


class MlxRuntime:
    """The model of an MLX directory: keys and values of the prefix kept, the head's label rows alone, at the last position alone.

    On Metal it computes in the type that the directory is stored in.  On the CPU it computes in float32: MLX's quantised products
    of 16-bit numbers are slow and 2 to 6 % off there.  The weights stay what they are, so one directory serves both.
    """

    backend = "mlx"
    threads = 1  # one stream; MLX has no setting for more

    def __init__(self, model: Any, label_ids: Sequence[int], prompts: Prompts) -> None:
        import mlx.core as mx

        from pipeline.runtime.mlx_models import library, rows

        self.provider = "mlx-metal" if mx.default_device() == mx.gpu else "mlx-cpu"
        if self.provider == "mlx-cpu":
            mx.disable_compile()  # it would call a C++ compiler
            model.set_dtype(mx.float32)
        # MLX ties a stream to the thread that made it, except one made so; whoever uses it takes its turn.
        self._lock, self._stream = Lock(), mx.new_thread_unsafe_stream(mx.default_device())
        self._mx, self._model, self._cache, self._prompts = mx, model.model, library("cache").KVCache, prompts
        with self._lock, mx.stream(self._stream):
            head = model.model.embed_tokens if model.args.tie_word_embeddings else model.lm_head
            self._head = rows(head, list(label_ids)).T
            mx.eval(self._head, model.parameters())
            self._known = self._read_prefix()

    def logits(self, ids: Sequence[int]) -> np.ndarray:
        """Token ids of one whole prompt -> float32 [labels]."""
        rest = self._prompts.after_prefix(ids)
        with self._lock, self._mx.stream(self._stream):
            last = self._read(rest, self._caches())[:, -1]
            found = (last @ self._head).astype(self._mx.float32)
            return np.array(found)[0]

    def _read_prefix(self) -> list[tuple[mx.array, mx.array, int]]:
        """Keys and values of the prefix by layer, with their length; none where there is no prefix."""
        if not self._prompts.prefix:
            return []
        caches = [self._cache() for _ in self._model.layers]
        self._mx.eval(self._read(self._prompts.prefix, caches))
        known = [(*map(self._mx.contiguous, cache.keys_and_values()), cache.offset) for cache in caches]
        self._mx.eval(known)
        return known

    def _caches(self) -> list[Any]:
        """A cache a layer that holds the prefix.  Full to the brim, it grows into memory of its own: no query sees another's."""
        caches = [self._cache() for _ in self._model.layers]
        for cache, state in zip(caches, self._known, strict=False):
            cache.state = state
        return caches

    def _read(self, ids: Sequence[int], caches: list[Any]) -> mx.array:
        return self._model(self._mx.array([list(ids)]), caches)


def open_runtime(model: Path, label_ids: Sequence[int], threads: int) -> MlxRuntime:
    """Open an exported MLX directory; MLX decides by itself on how many threads it runs."""
    from pipeline.runtime.mlx_models import load_mlx

    spec = read_exported(model, label_ids)
    prompts, loaded = Prompts.of(model, spec), load_mlx(model)
    vocabulary = loaded.args.vocab_size
    if not all(0 <= one < vocabulary for one in [*label_ids, *prompts.prefix]):
        raise EdgeError(f"{model}: expected label and prefix ids below the vocabulary's {vocabulary}, found {list(label_ids)} and "
                        f"{prompts.prefix}; use the decision that was made from the same model")
    return MlxRuntime(loaded, label_ids, prompts)
