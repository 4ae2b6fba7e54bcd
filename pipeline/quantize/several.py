"""One model quantised by several methods, each an artifact of the store, and held against the original."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import EdgeError
from pipeline.quantize import artifact
from pipeline.quantize.config import BACKENDS, METHODS, QuantizationConfig
from pipeline.quantize.workplace import interruptible
from pipeline.store import Artifact, Store
from pipeline.yaml_file import validate

if TYPE_CHECKING:
    from pipeline.measure.comparison import Measured
    from pipeline.precision import Comparison
    from pipeline.precision.answers import Answers


def compare_methods(config: QuantizationConfig, methods: Sequence[str], texts: str, tasks: Mapping[str, Path | None], store: Store,
                    tell: Callable[[str], None], rounds: int = 0) -> Comparison:
    """Each of ``methods``, METHOD or BACKEND:METHOD, with the other settings of ``config``, on ``texts``: a file, or wikitext or c4.

    tasks: what each is asked as well: the profile's intents, or what `pipeline.precision.harness.ask` takes.  rounds: decisions timed
    of each that can be served with its own weights, none by default.  What the store holds already is taken from there.  EdgeError for a
    method that is unknown or named twice.
    """
    from pipeline.precision import compare
    from pipeline.precision import texts as read

    chosen = {name: one_of(config, name) for name in methods}
    if len(chosen) < len(methods):
        raise EdgeError(f"--compare: expected each method once, found {', '.join(methods)}; leave one out")
    read_texts = read(texts)
    with interruptible(config.time_limit):
        source = artifact.model_directory(config.input, store)
        made = {name: _made(one, source, store, tell) for name, one in chosen.items()}
        answered = _answered(config, source, made, store, tasks)
        paths = {name: model.path for name, model in made.items()}
        return compare(source, paths, read_texts, answered=answered, served=_served(config, source, made, store, rounds))


def _answered(config: QuantizationConfig, source: Path, made: Mapping[str, Artifact], store: Store,
              tasks: Mapping[str, Path | None]) -> dict[str, dict[str, Answers]]:
    if not tasks:
        return {}
    from pipeline.precision.compare import ORIGINAL
    from pipeline.precision.harness import ask
    from pipeline.precision.intents import TASK, ask_intents
    from pipeline.profile import load_profile

    models = {ORIGINAL: source, **{name: model.path for name, model in made.items()}}
    others = {task: file for task, file in tasks.items() if task != TASK}
    found = {name: dict(ask(model, others, threads=config.threads)) for name, model in models.items()}
    if TASK in tasks:
        intents = ask_intents(store.get, load_profile(config.profile), artifact.original(source), made, tasks[TASK])
        found = {name: {TASK: intents[name], **answers} for name, answers in found.items()}
    return found


def _served(config: QuantizationConfig, source: Path, made: Mapping[str, Artifact], store: Store, rounds: int) -> dict[str, Measured]:
    if not rounds:
        return {}
    from pipeline.precision.exported import served
    from pipeline.profile import load_profile

    return served(store.get, load_profile(config.profile), artifact.original(source), made, rounds)


def one_of(config: QuantizationConfig, name: str) -> QuantizationConfig:
    """The settings with one method, METHOD or BACKEND:METHOD; without a backend the one that is set, or the first that has it."""
    backend, _, method = name.rpartition(":")
    method = method.lower().replace("_", "-")
    if not backend:
        backend = next((one for one in (config.backend, *BACKENDS) if method in BACKENDS[one]), config.backend)
    given = config.model_dump(exclude_unset=True, exclude={"angelslim_method"})
    if method not in METHODS:
        raise EdgeError(f"--compare: expected one of {', '.join(METHODS)}, found {name}; correct it")
    return validate({**given, "backend": backend, "method": method}, QuantizationConfig, f"--compare {name}")


def _made(config: QuantizationConfig, source: Path, store: Store, tell: Callable[[str], None]) -> Artifact:
    def attempt(chosen: QuantizationConfig, fallback: tuple[str, str] | None) -> Artifact:
        return store.get(artifact.quantised(chosen, source, fallback))

    return artifact.with_fallback(artifact.prepared(config, source, store), source, attempt, tell)
