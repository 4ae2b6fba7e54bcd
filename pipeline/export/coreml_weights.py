"""A Core ML package with its matrices in fewer bits."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import EdgeError
from pipeline.quiet import quiet

WEIGHTS = ("int8", "palette4")  # beside fp16, which is what is converted
GROUP = 16  # output channels that share a palette


def compress(source: Path, file: Path, weights: str) -> None:
    """Write the package ``source`` with the matrices of all functions (of ``linear`` and ``gather``, no other constants) in fewer bits.

    coremltools compresses no package of several functions, but every pass works on all functions of a program: so read, compressed
    and written as its `save_multifunction` does, and nothing is converted again.
    """
    with quiet():
        import coremltools as ct
        from coremltools.converters.mil.converter import mil_convert
        from coremltools.converters.mil.frontend.milproto.load import load
        from coremltools.converters.mil.mil.passes.pass_pipeline import PassPipelineManager
        from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY

        passes, spec = _passes(weights), ct.utils.load_spec(str(source))
        program = load(spec, spec.specificationVersion, str(source / "Data" / "com.apple.CoreML" / "weights"))
        program.functions = {each.name: program.functions[each.name] for each in spec.description.functions}  # read in any order
        PassPipelineManager.apply_pipeline(program, passes)
        _palettes.clear()
        PASS_REGISTRY["common::const_deduplication"]._deduplicate_const_across_functions(program)
        program.default_function_name = spec.description.defaultFunctionName
        program.skip_all_passes = program.export_as_multifunction = True
        mil_convert(program, convert_to="mlprogram", convert_from="milinternal", specification_version=spec.specificationVersion,
                    model_description=spec.description, compute_units=ct.ComputeUnit.CPU_ONLY, skip_model_load=True).save(str(file))


def _passes(weights: str) -> Any:
    """What stores matrices in fewer bits, and nothing else."""
    import coremltools as ct
    from coremltools.optimize import coreml as cto

    if weights not in WEIGHTS:
        raise EdgeError(f"weights {weights!r}: expected one of fp16, {', '.join(WEIGHTS)}; name one of them")
    int8 = cto.OpLinearQuantizerConfig(mode="linear_symmetric", dtype="int8", granularity="per_channel", weight_threshold=0)
    palette = cto.OpPalettizerConfig(mode="custom", lut_function=_palette, granularity="per_grouped_channel", group_size=GROUP,
                                     weight_threshold=0)
    wanted = {"int8": {"linear_quantize_weights": {"gather": int8, "linear": int8}},
              "palette4": {"linear_quantize_weights": {"gather": int8}, "palettize_weights": {"linear": palette}}}
    passes = ct.PassPipeline([], f"weights as {weights}")
    for name, configs in wanted[weights].items():
        passes.append_pass(f"compression::{name}")
        passes.set_options(f"compression::{name}", {"config": cto.OptimizationConfig(op_type_configs=configs)})
    return passes


def _palette(group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best 16 values for one group of weights, and the index of each weight's: exact K-means in one dimension.

    Of coremltools' own two ways to find them this one is exact, and needs no scikit-learn; it is not what it would choose
    for groups of less than 10,000 weights.
    """
    from coremltools.models.neural_network.quantization_utils import _get_kmeans_lookup_table_and_weight as kmeans

    key = hashlib.sha256(group.tobytes()).digest()
    if key not in _palettes:
        values, indices = kmeans(4, group, force_kmeans1d=True)
        _palettes[key] = values.astype(group.dtype), indices.astype(np.uint8)
    return _palettes[key]


_palettes: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
"""By the group: every length of a package asks for the same ones."""
