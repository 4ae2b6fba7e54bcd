"""llama.cpp by llama-cpp-python, its file written here from the safetensors; the head has every row of the vocabulary."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from benchmarks.peers import Form, Model

TITLE, LIBRARIES = "llama.cpp", ("llama-cpp-python", "gguf")
VARIANTS = {"Q8_0": Form(8.5, "int8"), "Q4_0": Form(4.5, "int8")}


def prepare(out: Path, scratch: Path, model: Model, variant: str) -> None:
    """Matrices and embedding in ``variant``, norms in float32; no vocabulary, for ids come in and logits go out."""
    import gguf

    config = json.loads((model.directory / "config.json").read_bytes())
    writer = gguf.GGUFWriter(out / "model.gguf", "qwen3")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("none")
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3, config["num_hidden_layers"])
    kind = gguf.GGMLQuantizationType[variant]
    for name, values in _tensors(model.directory):
        known = names.get_name(name, try_suffixes=(".weight",))
        if values.ndim == 1:
            writer.add_tensor(known, values)
        else:
            writer.add_tensor(known, gguf.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _tensors(directory: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(name, float32 values) of all safetensors; read by hand, for numpy has no bfloat16."""
    kinds = {"BF16": np.uint16, "F16": np.float16, "F32": np.float32}
    for file in sorted(directory.glob("*.safetensors")):
        raw = np.memmap(file, np.uint8, "r")
        start = 8 + int(raw[:8].view(np.uint64)[0])
        for name, entry in json.loads(raw[8:start].tobytes()).items():
            if name != "__metadata__":
                first, last = entry["data_offsets"]
                values = np.frombuffer(raw[start + first:start + last].tobytes(), kinds[entry["dtype"]]).reshape(entry["shape"])
                bits = (values.astype(np.uint32) << 16).view(np.float32) if values.dtype == np.uint16 else values
                yield name, bits.astype(np.float32)


class Session:
    def __init__(self, llama: Any, model: Model) -> None:
        self._llama, self._labels = llama, model.label_ids

    @classmethod
    def open(cls, path: Path, model: Model, threads: int, variant: str) -> Self:
        from llama_cpp import Llama

        return cls(Llama(str(path / "model.gguf"), n_ctx=2 * model.max_length, n_batch=model.max_length, n_threads=threads,
                         n_threads_batch=threads, verbose=False), model)

    def run(self, ids: Sequence[int]) -> np.ndarray:
        self._llama.reset()
        self._llama.eval(list(ids))
        logits = self._llama._ctx.get_logits_ith(-1)
        return np.array([logits[label] for label in self._labels], dtype=np.float32)
