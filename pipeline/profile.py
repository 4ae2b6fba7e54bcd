"""A profile: what is built, in one YAML file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.data.intents import INTENTS, shares_of
from pipeline.data.records import CONFIDENCE_THRESHOLD, NAMED
from pipeline.errors import EdgeError
from pipeline.named import named_file
from pipeline.yaml_file import read_model

ONNX_INT8 = "onnx-int8"
PROFILES = Path(__file__).parent.parent / "profiles"
Positive = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Base(Section):
    """reference: pre-trained here.  qwen3-shape: Qwen3-0.6B's shape, random weights.  pretrained: directory or hub id.

    ``parameters``: how many weights a pretrained base must have, a tied head not counted; needed to tell about scale.
    """

    kind: Literal["reference", "qwen3-shape", "pretrained"]
    seed: int = 20260101
    model: str = ""
    revision: str = "main"
    parameters: Positive | None = None


class Data(Section):
    """Sizes of the generated splits, or the user's own files (``columns``: field -> column).

    ``scenario_mix``: intent -> weight; the edge share is counted on this mix of challenge queries.
    """

    seed: int = 20260101
    train: Positive = 800
    validation: Positive = 100
    test: Positive = 100
    challenge: Positive = 1500
    train_file: str = ""
    eval_file: str = ""
    columns: dict[str, str] = {}
    scenario_mix: dict[str, float] = {intent.name: intent.share for intent in INTENTS}


class Prompt(Section):
    system: str
    max_length: Positive = 128


class Launch(Section):
    """Training on several GPUs (`pipeline.train.launch`): so many of each of so many nodes, and what DeepSpeed spreads over them."""

    gpus: Positive = 1
    nodes: Positive = 1
    deepspeed: Literal["zero0", "zero1", "zero2", "zero2_offload", "zero3", "zero3_offload"] | None = None


class Train(Section):
    """LoRA, by ms-swift or by mlx-lm (``trainer``), in the linear modules that ``target_modules`` name, of every layer or of ``layers``.

    ``batch_size``: of all processes together, where ``launch`` has several.
    """

    trainer: Literal["ms-swift", "mlx"] = "ms-swift"
    rank: Positive = 8
    alpha: Positive = 16
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05
    target_modules: list[str] = ["q_proj", "v_proj"]
    layers: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None = None
    learning_rate: Annotated[float, Field(gt=0)] = 2e-4
    warmup: Share = 0.0  # of the steps
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    epochs: Positive = 3
    batch_size: Positive = 4
    seed: int = 42
    launch: Launch | None = None

    @model_validator(mode="after")
    def _shared_evenly(self) -> Self:
        """What the training depends on but for the trainer is the same with and without several processes, the batch too."""
        if self.launch is None:
            return self
        if self.trainer != "ms-swift":
            raise ValueError(f"launch: expected trainer ms-swift, found {self.trainer}; leave launch out")
        processes = self.launch.gpus * self.launch.nodes
        if self.batch_size % processes:
            raise ValueError(f"launch: expected a batch_size that {processes} processes share evenly, found {self.batch_size}; take other "
                             "gpus or nodes")
        return self


class DecisionRule(Section):
    """How sure the model must be for a query to stay on the device (`pipeline.edge.calibrate`).

    ``alpha``: how many of the queries that need the cloud may stay, as a share.  ``least_confidence``: the threshold where
    fewer would stay even below it.  ``confidence_threshold``: takes the place of both.
    """

    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.1
    least_confidence: Share = CONFIDENCE_THRESHOLD
    confidence_threshold: Share | None = None


class Costs(Section):
    """What an answer costs by its route, in answers of the cloud.

    The device's share is an assumption, and a high one: a decision and a short answer take it about a joule.
    """

    local: Annotated[float, Field(ge=0)] = 0.01
    cloud: Annotated[float, Field(gt=0)] = 1.0


class Whole(Section):
    """Every weight of the base trained further, once through the examples: Muon's and AdamW's learning rates, tokens a batch."""

    matrix_lr: Annotated[float, Field(gt=0)] = 0.02
    other_lr: Annotated[float, Field(gt=0)] = 3e-3
    tokens: Positive = 4096


class Functions(Section):
    """What the device does beside deciding: examples of rewriting and of tool selection each, trained on the same base.

    By LoRA, or ``whole`` where a base is so small that all of it has to learn.
    """

    seed: int = 20260101
    train: Positive = 2500
    validation: Positive = 100
    test: Positive = 500
    max_length: Positive = 192
    lora: Train = Train()
    whole: Whole | None = None


class Assistant(Section):
    """The learning assistant: its task classifier, a second LoRA adapter of the same base, on the documented 400, 50 and 50 samples.

    Or ``whole``, as in `Functions`.

    The cloud's share of 50 validation samples is too few to control a risk by: the documented threshold is taken as it is.
    """

    seed: int = 20260101
    train: Positive = 400
    validation: Positive = 50
    test: Positive = 50
    challenge: Positive = 1000
    max_length: Positive = 512
    lora: Train = Train(target_modules=["q_proj", "k_proj", "v_proj", "o_proj"], warmup=0.1, weight_decay=0.01)
    whole: Whole | None = None
    decision: DecisionRule = DecisionRule(confidence_threshold=CONFIDENCE_THRESHOLD)


class Contrastive(Section):
    """How an embedding is trained (`pipeline.train.contrastive`): questions a step, and the temperature of their likeness to documents."""

    seed: int = 42
    epochs: Positive = 3
    batch_size: Annotated[int, Field(ge=2)] = 32
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    temperature: Annotated[float, Field(gt=0)] = 0.05


class Retrieval(Section):
    """Embeddings and rerankers: numbers of questions a split, what a query begins with, and the most ids of a text.

    The prefix is Qwen3-Embedding's own, for which it was trained, and the instruction and labels (yes, no) Qwen3-Reranker's.  given: what
    the profile's base is already; without it an embedding is trained here, of a reference base.
    """

    given: Literal["", "embedding", "reranker"] = ""
    seed: int = 20260101
    train: Positive = 2400
    validation: Positive = 100
    challenge: Positive = 400
    max_length: Positive = 512
    query_prefix: str = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
    instruction: str = "Given a web search query, retrieve relevant passages that answer the query"
    labels: tuple[str, str] = ("yes", "no")
    embedding: Contrastive = Contrastive()


class Export(Section):
    opset: Positive = 18


class Serve(Section):
    """What ships, and on how many CPU threads.  ``format``: one of `pipeline.export.formats`, or the plan's own, ONNX in INT8."""

    threads: Positive = 2
    format: str = ONNX_INT8


class Profile(Section):
    """``tells``: what a figure of this profile says something about; claims about anything else are not judged on it.

    ``functions``: left out, the device rewrites no question and chooses no tool; ``assistant``: left out, there is none.
    """

    name: str
    says: str
    tells: list[Literal["behaviour", "scale"]]
    base: Base
    data: Data
    prompt: Prompt
    train: Train
    decision: DecisionRule = DecisionRule()
    functions: Functions | None = None
    assistant: Assistant | None = None
    costs: Costs = Costs()
    retrieval: Retrieval = Retrieval()
    export: Export = Export()
    serve: Serve = Serve()


def load_profile(name: str, model: str = "", train_file: str = "", eval_file: str = "",
                 columns: dict[str, str] | None = None, format: str = "") -> Profile:
    """A profile by name (in ``profiles/``) or by the path of a YAML file, with the user's own model, data and format put in.

    With another format it has another name.  EdgeError for an unknown name or format, a malformed file, and a model or data that do
    not go with the profile.
    """
    path = named_file("profile", name, PROFILES)
    profile = read_model(path, Profile)
    _check_mix(profile.data.scenario_mix, path)
    asked = format or profile.serve.format
    return profile.model_copy(update={"name": profile.name if asked == profile.serve.format else shipping(profile.name, asked),
                                      "base": _base(profile, name, model),
                                      "data": _data(profile.data, train_file, eval_file, columns),
                                      "serve": _serve(profile.serve, asked)})


def shipping(profile: str, format: str) -> str:
    """The name of a profile that ships another format than its own: its figures are compared with no other's."""
    return f"{profile} as {format}"


def _check_mix(mix: dict[str, float], path: Path) -> None:
    try:
        shares_of(mix)
    except EdgeError as error:
        raise EdgeError(f"{path}: data.scenario_mix: {error}") from None


def _base(profile: Profile, name: str, model: str) -> Base:
    """The profile's base; a pretrained one with the user's own model, a ~ in its path expanded once for everybody."""
    base = profile.base
    if base.kind != "pretrained":
        if model:
            raise EdgeError(f"--model: expected a profile with a pretrained base, found {name} with base {base.kind}; "
                            "add --profile qwen3-0.6b or one of your own")
        return base
    if not (model or base.model):
        raise EdgeError(f"profile {name}: expected a model, found none; give --model DIRECTORY_OR_HUB_ID")
    if "scale" in profile.tells and base.parameters is None:
        raise EdgeError(f"profile {name}: expected base.parameters, the size that it tells about, found none; "
                        "add it or take scale out of tells")
    return base.model_copy(update={"model": os.path.expanduser(model or base.model)})


def _serve(serve: Serve, format: str) -> Serve:
    if format != ONNX_INT8:
        from pipeline.export.formats import device_format
        try:
            device_format(format)
        except EdgeError as error:
            raise EdgeError(f"{error} or {ONNX_INT8}") from None
    return serve.model_copy(update={"format": format})


def _data(data: Data, train_file: str, eval_file: str, columns: dict[str, str] | None) -> Data:
    """The profile's data with the user's own files in it."""
    files = [os.path.expanduser(path) for path in (train_file or data.train_file, eval_file or data.eval_file)]
    if any(files) and not all(files):
        raise EdgeError("your own data: expected --train-data and --eval-data together, found only one of them")
    if columns and not any(files):
        raise EdgeError("--columns: expected --train-data and --eval-data with it, found neither; give both files")
    for path in filter(None, files):
        if not Path(path).is_file():
            raise EdgeError(f"{path}: expected a .jsonl or .csv file of queries, found none; check the path")
    return data.model_copy(update={"train_file": files[0], "eval_file": files[1], "columns": columns or data.columns})


def parse_columns(text: str) -> dict[str, str]:
    """``query=text,intent=label`` -> {"query": "text", "intent": "label"}; "" -> {}.  EdgeError for a field without a name, or unknown."""
    pairs = [part.partition("=") for part in filter(None, text.split(","))]
    if any(field.strip() not in NAMED or not column.strip() for field, _, column in pairs):
        raise EdgeError(f"--columns: expected query=COLUMN,intent=COLUMN, found {text!r}")
    return {field.strip(): column.strip() for field, _, column in pairs}
