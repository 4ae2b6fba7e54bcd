"""What ``edge quantize`` may be told: one schema, whether a value comes from a flag, a YAML file or the environment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

METHODS = ("fp8-static", "fp8-dynamic", "int8-dynamic", "int8-weight", "int4-rtn", "int4-gptq", "int4-awq")
CALIBRATED = frozenset({"fp8-static", "int4-gptq", "int4-awq"})
"""Methods that look at what the layers' inputs are for some texts."""
BACKENDS: dict[str, tuple[str, ...]] = {
    "ptq": ("fp8-dynamic", "int8-dynamic", "int8-weight", "int4-rtn"),
    "llmcompressor": ("fp8-static", "fp8-dynamic", "int8-dynamic", "int4-gptq", "int4-awq"),
    "angelslim": ("fp8-static", "fp8-dynamic", "int8-dynamic", "int4-gptq", "int4-awq")}
"""The methods of each backend; a test holds them beside the METHODS of its file."""

Positive = Annotated[int, Field(gt=0)]


class QuantizationConfig(BaseModel):
    """Everything that determines a quantised model, and how long and with how many threads one works on it."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    input: Annotated[Path, Field(description="the model: a Hugging Face directory, or its weights as a Parquet file")]
    output: Annotated[Path | None, Field(description="where it goes: a directory, or a file *.parquet; must not exist")] = None
    backend: Annotated[Literal["ptq", "llmcompressor", "angelslim"], Field(description="who quantises")] = "ptq"
    angelslim_method: Annotated[str | None, Field(description="AngelSlim's own name of a method, such as FP8-static or INT4-GPTQ")] = None
    method: Annotated[str, Field(description=f"one of {', '.join(METHODS)}")] = "fp8-dynamic"
    calibration_data: Annotated[str | None, Field(
        description="texts to calibrate by: .jsonl (text, messages or intent records), a text file, or wikitext or c4 by name")] = None
    samples: Annotated[Positive, Field(description="how many of the texts")] = 64
    sequence_length: Annotated[Positive, Field(description="tokens of a text at most")] = 512
    seed: Annotated[int, Field(description="draws the texts")] = 42
    profile: Annotated[str, Field(description="whose prompt stands around an intent record's query")] = "reference"
    group_size: Annotated[Positive, Field(description="int4: inputs that share a scale")] = 64
    symmetric: Annotated[bool, Field(description="int4: no zero points")] = False
    ignore: Annotated[tuple[str, ...], Field(description="modules left as they are, by name or as re:PATTERN")] = (
        "lm_head", "re:.*embed_tokens")
    shard_megabytes: Annotated[float, Field(gt=0, description="of a file of weights; a larger tensor has one of its own")] = 512
    threads: Annotated[Positive | None, Field(description="of the processor [all]")] = None
    time_limit: Annotated[float | None, Field(gt=0, description="seconds after which to give up")] = None
    fallback: Annotated[bool, Field(description="llm-compressor's method of that name where AngelSlim cannot run; without it, fail")] = True

    @field_validator("ignore", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        return value.split() if isinstance(value, str) else value

    @field_validator("ignore")
    @classmethod
    def _patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            try:
                re.compile(pattern.removeprefix("re:"))
            except re.error as error:
                raise ValueError(f"expected a name or re:PATTERN, found {pattern!r} ({error})") from None
        return value

    @field_validator("angelslim_method")
    @classmethod
    def _known_to_angelslim(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        if info.data.get("backend") != "angelslim":
            raise ValueError("expected the backend angelslim with it; add --backend angelslim, or say method in its place")
        return _known(value, BACKENDS["angelslim"])

    @field_validator("method")
    @classmethod
    def _of_the_backend(cls, value: str, info: ValidationInfo) -> str:
        backend, theirs = info.data.get("backend", "ptq"), info.data.get("angelslim_method")
        method = _known(value, METHODS)
        if theirs:
            if method not in (theirs, cls.model_fields["method"].default):
                raise ValueError(f"expected one method, found {method} and AngelSlim's {theirs}; leave one out")
            return theirs
        if method not in BACKENDS[backend]:
            able = ", ".join(name for name, methods in BACKENDS.items() if method in methods)
            raise ValueError(f"expected a method of {backend} ({', '.join(BACKENDS[backend])}), which {able} has")
        return method

    def settings(self) -> dict[str, Any]:
        """What of it determines the weights: nothing of places, threads or time."""
        kept = {"method", "ignore"} | ({"group_size", "symmetric"} if self.method.startswith("int4") else set())
        if self.method in CALIBRATED:
            kept |= {"samples", "sequence_length", "seed"}
        return self.model_dump(mode="json", include=kept)


def _known(value: str, names: Iterable[str]) -> str:
    name = value.strip().lower().replace("_", "-")
    if name not in names:
        raise ValueError(f"expected one of {', '.join(names)}")
    return name
