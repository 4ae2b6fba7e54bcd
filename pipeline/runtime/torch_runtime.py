"""transformers on the CPU in float32: the reference that every exported model is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.errors import EdgeError
from pipeline.quiet import quiet


class TorchRuntime:
    """The transformers model itself, computed in float32 whatever type its weights are stored in."""

    backend = "torch"
    provider = "torch-cpu"

    def __init__(self, model: Any, label_ids: Sequence[int], threads: int | None = None) -> None:
        vocabulary = model.config.vocab_size
        if not all(0 <= label < vocabulary for label in label_ids):
            raise EdgeError(f"expected label ids below the vocabulary's {vocabulary}, found {list(label_ids)}; "
                            "use the decision that was made from the same model")
        self._model = model
        self.threads = threads or torch.get_num_threads()
        self._labels = torch.tensor(list(label_ids))

    @torch.inference_mode()
    def logits(self, ids: Sequence[int]) -> np.ndarray:
        """Token ids of one whole prompt -> float32 [labels]."""
        with _on(self.threads):
            out = self._model(input_ids=torch.tensor([list(ids)]), logits_to_keep=1, use_cache=False)
        return out.logits[0, -1, self._labels].float().numpy()


@contextmanager
def _on(threads: int) -> Iterator[None]:
    """torch's threads are the process's own: who trains in it afterwards has all of them again."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def open_runtime(model: Path, label_ids: Sequence[int], threads: int) -> TorchRuntime:
    """Open a Hugging Face directory."""
    return TorchRuntime(load_model(model), label_ids, threads)


def load_model(directory: Path, dtype: str | torch.dtype = torch.float32) -> Any:
    """The causal language model of a Hugging Face directory, from safetensors alone, never from a hub.

    dtype: what its weights become; "auto" leaves them as they are stored.  A compressed-tensors directory gives a dense model:
    weights on their quantisation grid, activations in float.  Factorised layers: `pipeline.runtime.torch_factors`.
    """
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    if not directory.is_dir():
        raise EdgeError(f"expected a directory with config.json and safetensors, found none at {directory}")
    try:
        config = AutoConfig.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
        kind = _factorised() if getattr(config, "factors", None) else AutoModelForCausalLM
        with quiet():
            model, info = kind.from_pretrained(
                directory, dtype=dtype, use_safetensors=True, local_files_only=True, trust_remote_code=False,
                output_loading_info=True)
    except Exception as error:  # config, safetensors and torch each raise their own kinds
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise EdgeError(f"{directory}: expected a readable Hugging Face model, found {reason}; "
                        "build it again") from error
    if info["missing_keys"] or info["mismatched_keys"]:
        raise EdgeError(f"{directory}: expected every weight of the model, found missing or misshapen "
                        f"{sorted(map(str, [*info['missing_keys'], *info['mismatched_keys']]))[:3]}; build it again")
    if shared := getattr(config, "shared", None):
        from pipeline.runtime.torch_factors import share
        share(model, shared)
    return _dense(model).eval()


def _factorised() -> Any:
    from pipeline.runtime.torch_factors import Qwen3ForCausalLM

    return Qwen3ForCausalLM


def _dense(model: Any) -> Any:
    """Compressed weights as the values that they stand for, in a model that knows nothing of a compression."""
    method = getattr(getattr(model, "hf_quantizer", None), "quantization_config", None)
    if method is None or method.quant_method != "compressed-tensors":
        return model
    from compressed_tensors.compressors import ModelCompressor, decompress_module

    for module in model.modules():
        decompress_module(module, leave_decompressed=False)
    ModelCompressor().remove_decompression_hook(model)
    del model.config.quantization_config
    model.hf_quantizer = None
    return model
