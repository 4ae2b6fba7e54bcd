"""llm-compressor's one-shot compression of a Hugging Face directory into a compressed-tensors one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from pipeline.compress.model import copy_tokenizer, matrices, open_model
from pipeline.errors import EdgeError
from pipeline.quiet import quiet

LIBRARIES = ("llmcompressor", "compressed-tensors", "torch", "transformers")


def one_shot(out: Path, model: Any, source: Path, modifiers: Sequence[Any], prompts: Sequence[Sequence[int]] = ()) -> None:
    """Compress ``model``, opened in float32 from ``source``, by llm-compressor's modifiers into ``out``.

    prompts: token ids to calibrate with, each a batch of its own, so that nothing is padded.  What is quantised keeps scales in
    float32, everything else the type that it had in ``source``.
    """
    with quiet():
        from compressed_tensors.compressors import ModelCompressor
        from compressed_tensors.utils import patch_attr
        from llmcompressor import oneshot
        from llmcompressor.core import reset_session
        from llmcompressor.pipelines.cache import IntermediatesCache
        from loguru import logger
        from torch.fx import _symbolic_trace

        logger.disable("llmcompressor")
        logger.disable("compressed_tensors")
        try:
            # AWQ pins memory without asking for an accelerator, and torch.fx keeps what it wraps for ever, with the model.
            with (patch_attr(IntermediatesCache, "pin_memory", lambda *_: None),
                  patch_attr(_symbolic_trace, "_wrapped_fns_to_patch", dict(_symbolic_trace._wrapped_fns_to_patch))):
                oneshot(model=model, dataset=_batches(prompts), recipe=list(modifiers))
            ModelCompressor.from_pretrained_model(model).compress_model(model)
            _restore_type(model, source)
            model.save_pretrained(out)
        finally:
            reset_session()  # it holds the model
    (out / "recipe.yaml").unlink(missing_ok=True)
    copy_tokenizer(source, out)


def open_for(source: Path, group: int = 1) -> Any:
    """The model in float32: in bfloat16, 8-bit codes would be off by one.  EdgeError where ``group`` does not divide a matrix's inputs."""
    model = open_model(source, torch.float32)
    for name, matrix in matrices(model).items():
        if matrix.in_features % group:
            raise EdgeError(f"{name}: expected inputs in groups of {group}, found {matrix.in_features}; set a group that divides them")
    return model


def weights_only(bits: int, group: int, symmetric: bool) -> dict[str, Any]:
    """A scheme for every matrix of the decoder layers: integer weights, a scale for each ``group`` inputs of an output."""
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme

    weights = QuantizationArgs(num_bits=bits, type="int", strategy="group", group_size=group, symmetric=symmetric)
    return {"config_groups": {"matrices": QuantizationScheme(targets=["Linear"], weights=weights)}, "ignore": ["lm_head"]}


def _batches(prompts: Sequence[Sequence[int]]) -> Any:
    rows = [{"input_ids": (ids := torch.tensor([list(prompt)])), "attention_mask": torch.ones_like(ids)} for prompt in prompts]
    return torch.utils.data.DataLoader(rows, batch_size=None) if rows else None  # type: ignore[arg-type]


def _restore_type(model: Any, source: Path) -> None:
    from transformers import AutoConfig

    stored = AutoConfig.from_pretrained(source, local_files_only=True).dtype or torch.float32
    for module in model.modules():
        if not hasattr(module, "quantization_scheme"):
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.to(stored)
    model.config.dtype = stored
