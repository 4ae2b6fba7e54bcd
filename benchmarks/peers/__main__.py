"""``python -m benchmarks.peers``: builds what is not in the store, lets all engines answer in turns, prints a table in Markdown."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.peers import REFERENCE, Engine, Model, engines, peers
from benchmarks.peers import subject as subjects
from benchmarks.peers.process import Worker
from benchmarks.peers.roofline import megabytes, milliseconds, work
from benchmarks.peers.table import Row, roof, table
from benchmarks.peers.turns import take_turns
from pipeline.errors import EdgeError
from pipeline.measure.host import describe_host, installed
from pipeline.profile import load_profile
from pipeline.progress import track
from pipeline.store import Artifact, Store
from pipeline.store.place import default_store

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ("torch", "transformers", "onnxruntime", "onnxruntime-genai", "openvino", "nncf", "llama-cpp-python", "ai-edge-litert")


def main(arguments: list[str] | None = None) -> None:
    options = _options(arguments)
    chosen, store = _chosen(options.only), Store(options.store)
    source = store.get(subjects.own_model(options.model) if options.model else subjects.shape(options.layers, options.vocabulary))
    model = subjects.exported(store, source)
    profile = load_profile(subjects.PROFILE)
    prompts = subjects.prompts(model, subjects.challenge(store, profile), profile.prompt.system, options.prompts)
    ready, skipped = _prepare(chosen, store, options, model, source)
    for line in compare(ready, model, prompts, options, skipped):
        print(line, flush=True)
    print("\n".join(["", *(f"- skipped: {reason}" for reason in skipped)]) if skipped else "")


def _prepare(chosen: list[Engine], store: Store, options: argparse.Namespace, model: Model,
             source: Artifact) -> tuple[dict[Engine, Path], list[str]]:
    """The files of each engine that can be had, and why the others cannot."""
    ready: dict[Engine, Path] = {}
    skipped: list[str] = []
    with track("preparing", None) as bar:
        for engine in chosen:
            bar.advance(note=engine.name)
            try:
                ready[engine] = subjects.prepared(store, engine, model, source, _python(options, engine), options.threads)
            except EdgeError as error:
                if engine == REFERENCE:
                    raise
                skipped.append(str(error))
    return ready, skipped


def compare(ready: dict[Engine, Path], model: Model, prompts: dict[str, list[list[int]]], options: argparse.Namespace,
            skipped: list[str]) -> Iterator[str]:
    """The lines of the page; why an engine did not even answer once joins ``skipped``."""
    config = json.loads((model.directory / "config.json").read_bytes())
    length = round(sum(map(len, prompts["long"])) / len(prompts["long"]))
    needed = work(config, length, len(model.label_ids))
    with Worker("roofline", Path(sys.executable), options.threads) as worker:
        rates = worker.ask("rates", threads=options.threads, megabytes=[megabytes(needed, engine.form) for engine in ready])
    read = dict(zip(ready, rates["read"], strict=True))
    with ExitStack() as stack:
        opened = dict(_opened(stack, ready, model, prompts["short"][0], options, skipped))
        answers, disturbed = take_turns({engine.name: worker for engine, (worker, _) in opened.items()},
                                        [*prompts["short"], *prompts["long"]], options.rounds, options.pause)
        rows = [Row(engine, answers[engine.name], load, worker.ask("memory")["peak_rss"], _megabytes(ready[engine]),
                    milliseconds(needed, engine.form, rates["products"], read[engine]))
                for engine, (worker, load) in opened.items()]
    yield from _head(config, prompts, options, disturbed)
    yield from table(rows, answers[REFERENCE.name], prompts)
    yield f"\n{roof(rates['products'], needed, length)}"


def _opened(stack: ExitStack, ready: dict[Engine, Path], model: Model, prompt: list[int], options: argparse.Namespace,
            skipped: list[str]) -> Iterator[tuple[Engine, tuple[Worker, float]]]:
    """Each engine's process and the seconds it took to load, after a first answer: some crash only then."""
    for engine, path in ready.items():
        worker = stack.enter_context(Worker(engine.name, _python(options, engine), options.threads))
        try:
            seconds = worker.ask("open", **subjects.request(engine, model), path=str(path), threads=options.threads)["seconds"]
            worker.ask("run", prompts=[prompt], warm=0)
        except EdgeError as error:
            if engine == REFERENCE:
                raise
            skipped.append(str(error))
        else:
            yield engine, (worker, seconds)


def _head(config: dict[str, Any], prompts: dict[str, list[list[int]]], options: argparse.Namespace, disturbed: list[str]) -> Iterator[str]:
    host = describe_host()
    lengths = "; ".join(f"{name} {min(map(len, ids))} to {max(map(len, ids))} tokens" for name, ids in prompts.items())
    yield f"{host['cpu']}, {host['cores']} cores, {host['system']} {host['release']}, {date.today()}; {options.threads} threads"
    yield f"{', '.join(f'{name} {version}' for name, version in installed(LIBRARIES).items())}"
    yield (f"qwen3 of {config['num_hidden_layers']} layers, hidden {config['hidden_size']}, vocabulary {config['vocab_size']}; {lengths}; "
           f"{options.rounds} rounds in turns, milliseconds\n")
    if len(disturbed) >= options.rounds:
        yield f"**Not valid: {len(disturbed)} rounds were disturbed** ({disturbed[-1]})\n"
    elif disturbed:
        yield f"{len(disturbed)} disturbed rounds were taken again ({disturbed[-1]})\n"


def _chosen(only: list[str]) -> list[Engine]:
    """The engines named as PEER or PEER:VARIANT and the reference; all of them where none is named."""
    named = {name for engine in engines() for name in (engine.peer, engine.option)}
    if unknown := sorted(set(only) - named):
        raise EdgeError(f"--only: expected a name of {', '.join(peers())}, maybe with :VARIANT, found {unknown[0]}")
    return [engine for engine in engines() if not only or engine == REFERENCE or {engine.peer, engine.option} & set(only)]


def _python(options: argparse.Namespace, engine: Engine) -> Path:
    return options.python.get(engine.peer, Path(sys.executable))


def _megabytes(path: Path) -> float:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e6


class _Interpreter(argparse.Action):
    """NAME=PATH, collected."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        name, _, path = str(values).partition("=")
        if name not in peers() or not Path(path).is_file():
            parser.error(f"{option}: expected NAME=PATH with a name of {', '.join(peers())} and an interpreter, found {values}")
        namespace.python = {**namespace.python, name: Path(path)}


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description="the full-scale shape beside the peers")
    parser.add_argument("--store", type=Path, default=default_store(ROOT), help="artifact store, where the models stay [%(default)s]")
    parser.add_argument("--model", type=Path, help="a Hugging Face Qwen3 directory instead of the shape")
    parser.add_argument("--layers", type=int, default=28, help="of the shape [%(default)s]")
    parser.add_argument("--vocabulary", type=int, default=151_936, help="rows of the shape's embedding [%(default)s]")
    parser.add_argument("--threads", type=int, default=2, help="of each engine [%(default)s]")
    parser.add_argument("--rounds", type=int, default=10, help="turns of each engine [%(default)s]")
    parser.add_argument("--prompts", type=int, default=4, help="of each length, in each turn [%(default)s]")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds before each turn [%(default)s]")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME[:VARIANT]",
                        help=f"of {', '.join(peers())}; the reference always [all]")
    parser.add_argument("--python", action=_Interpreter, default={}, metavar="NAME=PATH",
                        help="the interpreter of a peer that lives in an environment of its own")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    try:
        main()
    except EdgeError as error:
        sys.exit(str(error))
