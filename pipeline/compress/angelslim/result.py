"""What AngelSlim wrote, looked at before anyone sees it, and made whole with the files of the source."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors import safe_open

from pipeline.errors import EdgeError
from pipeline.runtime.files import read_object, write_object
from pipeline.train.weights import Shape, model_shapes, shapes, weight_files

BESIDE = ("generation_config.json", "added_tokens.json")
CODES, PACKED = ("I8", "F8_E4M3"), ("I32",)
_PARTS = ("_packed", "_scale", "_zero_point", "_shape")


def matrices(tensors: Mapping[str, Shape]) -> dict[str, Shape]:
    """The weights of the linear layers inside the decoder layers [outputs, inputs]; embedding and head are not among them."""
    return {name: shape for name, shape in tensors.items() if ".layers." in name and len(shape) == 2 and name.endswith(".weight")}


def check(made: Path, source: Path) -> dict[str, int]:
    """How many tensors of ``source`` are quantised in ``made``, which is every matrix, else EdgeError, and how many are kept.

    Also errors: no compressed-tensors configuration, a tensor that is missing, misshapen or of nobody, a scale not finite or not positive.
    """
    config = read_object(made / "config.json", "a model's configuration").get("quantization_config")
    if not isinstance(config, dict) or config.get("quant_method") != "compressed-tensors" or not config.get("config_groups"):
        raise _wrong(made, "a compressed-tensors quantization_config", f"{str(config)[:80]}")
    before, after = model_shapes(source), shapes(weight_files(made))
    types = _types(made)
    wanted = matrices(before)
    for name, shape in before.items():
        if name not in wanted and after.get(name) != shape:
            raise _wrong(made, f"{name} {list(shape)}", f"{after.get(name)}")
    for name in wanted:
        _check_matrix(made, name, wanted[name], after, types)
    if strange := sorted(name for name in after if name not in before and not _belongs(name, wanted)):
        raise _wrong(made, "the tensors of the model alone", ", ".join(strange[:3]))
    for name, scale in _scales(made):
        if not (scale.isfinite().all() and (scale > 0).all()):
            raise _wrong(made, f"finite scales above 0 in {name}", f"{scale.min().item()} to {scale.max().item()}")
    return {"quantised": len(wanted), "kept": len(before) - len(wanted)}


def assemble(made: Path, source: Path, out: Path) -> None:
    """Move the checked weights to ``out``, a folder that is not there or empty, with the source's configuration and tokenizer.

    AngelSlim's configuration gives the quantization_config alone: it switches off the cache in the rest.
    """
    from pipeline.compress.model import copy_tokenizer

    whole = made.with_name(f"{made.name}.whole")
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir()
    copy_tokenizer(source, whole)
    for name in BESIDE:
        if (source / name).is_file():
            shutil.copyfile(source / name, whole / name)
    quantization = read_object(made / "config.json", "a model's configuration")["quantization_config"]
    config = read_object(source / "config.json", "a model's configuration")
    write_object(whole / "config.json", {**config, "quantization_config": {**quantization, "ignore": ["lm_head"]}})
    for file in [*weight_files(made), made / "model.safetensors.index.json"]:
        if file.is_file():
            os.replace(file, whole / file.name)
            (whole / file.name).chmod(0o644)
    if out.exists():
        out.rmdir()
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(whole, out)


def _check_matrix(made: Path, name: str, shape: Shape, after: Mapping[str, Shape], types: Mapping[str, str]) -> None:
    if f"{name}_scale" not in after:
        raise _wrong(made, f"a scale of {name}", "none: the matrix is not quantised")
    packed = f"{name}_packed"
    held, expected = (packed, (shape[0], -(-shape[1] // 8))) if packed in after else (name, shape)
    if after.get(held) != expected or types[held] not in (PACKED if held == packed else CODES):
        raise _wrong(made, f"codes of {name} {list(expected)}", f"{types.get(held)} {list(after.get(held, ()))}")


def _belongs(name: str, wanted: Mapping[str, Shape]) -> bool:
    stems = {name.removesuffix(part) for part in _PARTS} | {f"{name.removesuffix('.input_scale')}.weight"}
    return not stems.isdisjoint(wanted)


def _types(made: Path) -> dict[str, str]:
    return {name: tensors.get_slice(name).get_dtype() for tensors in _opened(made) for name in tensors.keys()}


def _scales(made: Path) -> Iterator[tuple[str, Any]]:
    yield from ((name, tensors.get_tensor(name).float()) for tensors in _opened(made) for name in tensors.keys() if name.endswith("_scale"))


def _opened(made: Path) -> Iterator[Any]:
    for file in weight_files(made):
        with safe_open(file, "pt") as tensors:
            yield tensors


def _wrong(made: Path, expected: str, found: str) -> EdgeError:
    return EdgeError(f"AngelSlim's result {made}: expected {expected}, found {found}; take another backend and report this")
