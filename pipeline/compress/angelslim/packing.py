"""AngelSlim's 4-bit checkpoints, AutoAWQ's and GPTQ's layouts, as compressed-tensors: the same codes, scales and zero points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError
from pipeline.runtime.files import read_object, write_object
from pipeline.train.weights import weight_files

INDEX = "model.safetensors.index.json"


def to_compressed_tensors(made: Path) -> None:
    """Rewrite the weights of a directory in place, a file at a time, and its quantization_config.

    EdgeError for a GPTQ checkpoint with zero points or with inputs out of order, which AngelSlim does not write.
    """
    from compressed_tensors.entrypoints.convert.converters import AutoAWQConverter
    from safetensors.torch import load_file, save_file

    config = read_object(made / "config.json", "a model's configuration")
    given = config["quantization_config"]
    awq = given["quant_method"] == "awq"
    converter = AutoAWQConverter(group_size=given["group_size"], zero_point=awq)
    index: dict[str, str] = {}
    for file in weight_files(made):
        tensors = load_file(file)
        tensors = converter.process(tensors) if awq else _from_gptq(tensors, given["group_size"])
        save_file(tensors, file, metadata={"format": "pt"})
        index |= dict.fromkeys(tensors, file.name)
    if (made / INDEX).is_file():
        write_object(made / INDEX, {"metadata": {}, "weight_map": index})
    quantization = converter.update_config(None)
    assert quantization is not None
    write_object(made / "config.json", {**config, "quantization_config": quantization.model_dump(mode="json", exclude_none=True)})


def _from_gptq(tensors: dict[str, Any], group: int) -> dict[str, Any]:
    """qweight [inputs / 8, outputs], scales [groups, outputs], qzeros and g_idx -> weight_packed, weight_scale and weight_shape."""
    import torch
    from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32

    for stem in [name.removesuffix(".qweight") for name in tensors if name.endswith(".qweight")]:
        codes = _unpack(tensors.pop(f"{stem}.qweight"))
        order, zeros = tensors.pop(f"{stem}.g_idx"), tensors.pop(f"{stem}.qzeros")
        if not torch.equal(order, torch.arange(len(codes), dtype=order.dtype) // group):
            raise EdgeError(f"{stem}: expected inputs in the order of their groups, found another; report this")
        if not (_unpack(zeros) == 7).all():  # the middle of 4 bits, stored less one
            raise EdgeError(f"{stem}: expected codes around the middle, found zero points; report this")
        weight = (codes.T - 8).contiguous().to(torch.int8)
        tensors |= {f"{stem}.weight_packed": pack_to_int32(weight, 4), f"{stem}.weight_scale": tensors.pop(f"{stem}.scales").T.contiguous(),
                    f"{stem}.weight_shape": torch.tensor(weight.shape)}
    return tensors


def _unpack(packed: Any) -> Any:
    """int32 [rows, columns] of eight codes each -> codes [8 rows, columns], the lowest bits first."""
    import torch

    shifts = torch.arange(0, 32, 4, dtype=torch.int32).view(1, 8, 1)
    return (packed[:, None] >> shifts & 15).reshape(-1, packed.shape[-1])
