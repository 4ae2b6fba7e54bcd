"""``python -m benchmarks.generation``: exports a merged model, quantises it, and prints a table of its times."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pipeline.compress import Source
from pipeline.compress.step import run_step
from pipeline.compress.techniques.int8 import Settings
from pipeline.edge.constraint import for_tools, grammar_tokenizer
from pipeline.edge.decoding import decode
from pipeline.errors import EdgeError
from pipeline.export.generator import export_generator
from pipeline.measure.host import describe_host
from pipeline.percentile import percentile
from pipeline.runtime.generator import open_generator
from pipeline.runtime.prompt import read_tokenizer, template
from pipeline.store import Store
from pipeline.store.place import default_store

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = "选择工具：天气、时钟、日期、倒计时、计算、换算、设备、聊天，没有说到的参数不写"  # a fixed beginning of more than one block
QUERY, ANSWER = "后天下午北京的天气怎么样，出门要不要带伞", 32
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"properties": {a: {"type": "string"} for a in arguments}}}}
         for name, arguments in {"weather": ("city", "day"), "clock": ("place",), "calculate": ("a", "op", "b"), "chat": ()}.items()]


def main() -> None:
    options = _options()
    merged, host = options.model or _newest_merged(Store(options.store)), describe_host()
    print(f"{merged}\n{host['cpu']}, {host['system']}, one thread, {date.today()}; median of {options.rounds}, ms\n")
    print(f"| | fp32 | int8 |\n| {' | '.join(['---'] * 3)} |")
    with TemporaryDirectory() as folder:
        fp32, int8 = (Path(folder, name) for name in ("fp32", "int8"))
        fp32.mkdir()
        int8.mkdir()
        export_generator(fp32, merged=merged, config={"opset": 18, "max_length": 512})
        run_step("int8", int8, int8, Source(fp32), Settings())
        columns = [dict(_times(model, options.rounds)) for model in (fp32, int8)]
    for row in columns[0]:
        print(f"| {row} | {' | '.join(f'{column[row]:.2f}' for column in columns)} |")


def _times(model: Path, rounds: int) -> Iterator[tuple[str, float]]:
    tokenizer = read_tokenizer(model)
    sides = template(SYSTEM)
    head, tail = (tokenizer.encode(text, add_special_tokens=False).ids for text in (sides.prefix, QUERY + sides.suffix))
    ids, others = head + tail, iter(np.random.default_rng(0).integers(0, 300, (rounds + 1, len(tail))).tolist())
    warm, cold = open_generator(model, threads=1), open_generator(model, threads=1, cache_bytes=0)

    yield f"prompt of {len(ids)} ids, never seen", _median(lambda: cold.start(ids), rounds)
    warm.start(ids)
    yield f"another one with the same first {len(head)}", _median(lambda: warm.start(head + next(others)), rounds)
    cached = _median(lambda: list(decode(warm, ids, tokenizer=tokenizer, max_tokens=ANSWER, stop_ids=())), rounds)
    recomputed = _median(lambda: [cold.start(ids + [0] * length) for length in range(ANSWER)], rounds)
    yield f"an answer of {ANSWER} tokens", cached
    yield "tokens/s, prompt included", 1e3 * ANSWER / cached
    yield "the same answer, without keys and values", recomputed
    yield "tokens/s without them", 1e3 * ANSWER / recomputed
    grammar = grammar_tokenizer(tokenizer, tokenizer.token_to_id("<|im_end|>"))

    def call() -> None:
        constraint = for_tools(grammar, TOOLS, QUERY)
        list(decode(warm, ids, tokenizer=tokenizer, max_tokens=200, stop_ids=(), constraint=constraint))

    yield "a constrained tool call", _median(call, rounds)
    yield "of it, the grammar", _median(lambda: for_tools(grammar, TOOLS, QUERY).forced(), rounds)


def _median(action: Callable[[], object], rounds: int) -> float:
    """Milliseconds, after one run that does not count."""
    times = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        action()
        times.append(1e3 * (time.perf_counter() - started))
    return percentile(times[1:], 0.5)


def _newest_merged(store: Store) -> Path:
    found = [artifact.path for artifact in store.list() if artifact.kind == "merged"]
    if not found:
        raise EdgeError(f"expected a merged model in {store.root}, found none; run make accept first, or name one with --model")
    return found[-1]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generation", description="how fast the generator writes")
    parser.add_argument("--model", type=Path, help="a Hugging Face directory [the newest merged model of the store]")
    parser.add_argument("--store", type=Path, default=default_store(ROOT), help="artifact store [%(default)s]")
    parser.add_argument("--rounds", type=int, default=20, help="of each row [%(default)s]")
    return parser.parse_args()


if __name__ == "__main__":
    main()
