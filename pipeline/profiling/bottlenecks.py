"""What a profile says to do: each rule is a condition on the profile and a sentence, with what following it would save.

A saving is told in what the profile itself holds (bytes, multiply-accumulates, operators), so that it can be checked by doing it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pipeline.profiling.operators import Operator, OperatorProfile

Unit = Literal["bytes of weights", "bytes written", "multiply-accumulates", "operators", "threads"]
TIME, MEMORY = "time", "memory"
HEAVY, ISLAND, MOVING, OVERHEAD, TABLE = 0.4, 0.15, 0.2, 0.5, 0.5  # shares from which on a rule speaks
TINY, MANY = 20e-6, 100  # s of an operator that costs its call rather than its work, and from how many on that matters
WORTH = 100_000  # bytes of a table below which nobody gains anything
FLOATS = ("fp32", "fp64")
TABLES = ("Gather", "GatherBlockQuantized", "embedding", "index_select", "EMBEDDING_LOOKUP", "gather", "Embedding", "QuantizedEmbedding")
MOVES = ("cast", "transpose", "quantizelinear", "dequantizelinear", "quantize", "dequantize", "permute", "contiguous", "copy_", "_to_copy")


@dataclass(frozen=True)
class Bottleneck:
    """What stands in the way.

    of: whether it costs time or memory; share: of that.  before, after: what doing it would change, in ``unit``.
    """

    rule: str
    of: str
    share: float
    operators: tuple[str, ...]
    says: str
    unit: Unit
    before: float
    after: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def bottlenecks(profile: OperatorProfile) -> list[Bottleneck]:
    """All that a rule found, what costs time first and the largest share first; [] where nothing stands out."""
    found = [one for rule in RULES for one in rule(profile)]
    return sorted(found, key=lambda one: (one.of != TIME, -one.share))


def suggestion(profile: OperatorProfile) -> str:
    """The first bottleneck's sentence, or that there is none."""
    found = bottlenecks(profile)
    if found:
        return found[0].says
    kind, operators = next(iter(profile.by_kind().items()))
    return (f"no bottleneck: the costliest kind of operator, {kind}, takes {profile.share(operators):.0%}, and no rule knows a remedy")


def _threads(profile: OperatorProfile) -> Iterator[Bottleneck]:
    """Threads wait for each other's cores; the estimate's run is as true, for threads are counted."""
    if profile.threads > profile.cores:
        says = f"{profile.threads} threads share {profile.cores} cores and wait for each other: run with --threads {profile.cores}"
        yield Bottleneck("threads", TIME, 1.0, (), says, "threads", profile.threads, profile.cores)


def _float_products(profile: OperatorProfile) -> Iterator[Bottleneck]:
    """Products of float32 weights: everywhere, or as an island among quantised ones."""
    products = [one for one in profile.operators if one.macs and one.weights and one.type]
    floats = [one for one in products if one.type in FLOATS]
    quantised = [one for one in products if one.type not in (*FLOATS, "fp16", "bf16")]
    share = profile.share(floats)
    if not floats or share < (ISLAND if quantised else HEAVY):
        return
    held, width = _bytes(floats), 8 if any(one.type == "fp64" for one in floats) else 4
    saved = f"INT8 would read {_megabytes(held / width)} of weights a run instead of {_megabytes(held)}"
    if quantised:
        says = (f"{_named(floats)} {_takes(floats)} {share:.0%} of the time in {floats[0].type}, in a graph whose other {len(quantised)} "
                f"products are quantised: quantise {_it(floats)} too; {saved}")
        yield Bottleneck("island", TIME, share, _names(floats), says, "bytes of weights", held, held / width)
    else:
        says = (f"{_named(floats)} {_takes(floats)} {share:.0%} of the time in {floats[0].type}: quantise {_it(floats)} (recipe int8); "
                f"{saved}")
        yield Bottleneck("float products", TIME, share, _names(floats), says, "bytes of weights", held, held / width)


def _wide_product(profile: OperatorProfile) -> Iterator[Bottleneck]:
    """One product already quantised that costs most: only less of it helps."""
    products = [one for one in profile.operators if one.macs and one.weights and one.type not in FLOATS]
    widest = max(products, key=lambda one: profile.cost([one]), default=None)
    if widest and profile.share([widest]) >= HEAVY:
        says = (f"{widest.name} takes {profile.share([widest]):.0%} and is {widest.type} already: narrow it (technique channels); half as "
                f"wide, it does {widest.macs / 2:,.0f} multiply-accumulates instead of {widest.macs:,}")
        yield Bottleneck("wide product", TIME, profile.share([widest]), (widest.name,), says, "multiply-accumulates", widest.macs,
                         widest.macs / 2)


def _moving(profile: OperatorProfile) -> Iterator[Bottleneck]:
    """Casts and transposes that compute nothing."""
    moves = [one for one in profile.operators if one.kind.lower() in MOVES]
    share = 0.0 if profile.estimated else profile.share(moves)
    if len(moves) > 1 and share >= MOVING:
        kinds = " and ".join(sorted({one.kind for one in moves}))
        written = sum(one.writes for one in moves)
        says = (f"{_calls(moves)} {kinds} take {share:.0%} of the time and compute nothing: keep one type and one layout from end to end; "
                f"they write {_megabytes(written)} a run that nobody asked for")
        yield Bottleneck("moving", TIME, share, _names(moves), says, "bytes written", written, 0)


def _overhead(profile: OperatorProfile) -> Iterator[Bottleneck]:
    """Many operators too small to be worth their call."""
    tiny = [one for one in profile.operators if not one.macs and one.seconds / max(one.calls, 1) < TINY]
    share = 0.0 if profile.estimated else profile.share(tiny)
    if _calls(tiny) >= MANY and share >= OVERHEAD:
        each = profile.cost(tiny) / _calls(tiny) * 1e6
        says = (f"{_calls(tiny)} operators of {each:.1f} µs each take {share:.0%} of the time, their calls more than their work: fuse them "
                "(recipe setting `graph: fused`)")
        yield Bottleneck("overhead", TIME, share, _names(tiny), says, "operators", _calls(tiny), 1)


def _table(profile: OperatorProfile) -> Iterator[Bottleneck]:
    """An embedding that is most of the weights."""
    tables = [one for one in profile.operators if one.kind in TABLES and one.weights]
    largest, held = max(tables, key=lambda one: one.weights, default=None), _bytes(profile.operators)
    if largest is None or largest.weights < WORTH or largest.weights / held < TABLE:
        return
    share = largest.weights / held
    if largest.type in (*FLOATS, "fp16"):
        after = largest.weights / (2 if largest.type == "fp16" else 4)
        what = f"quantise it (recipe int8): {_megabytes(after)} instead of {_megabytes(largest.weights)}"
    else:
        after = largest.weights / 2
        what = f"leave out words (technique vocab): half of them, {_megabytes(after)} instead of {_megabytes(largest.weights)}"
    says = f"the table of {largest.name} is {share:.0%} of all weights that are read: {what}"
    yield Bottleneck("table", MEMORY, share, (largest.name,), says, "bytes of weights", largest.weights, after)


RULES: tuple[Callable[[OperatorProfile], Iterator[Bottleneck]], ...] = (
    _threads, _float_products, _wide_product, _moving, _overhead, _table)


def _bytes(operators: list[Operator]) -> int:
    return sum(one.weights for one in operators)


def _calls(operators: list[Operator]) -> int:
    return sum(one.calls for one in operators)


def _names(operators: list[Operator]) -> tuple[str, ...]:
    return tuple(one.name for one in operators)


def _named(operators: list[Operator]) -> str:
    return operators[0].name if len(operators) == 1 else f"{_calls(operators)} products"


def _takes(operators: list[Operator]) -> str:
    return "takes" if len(operators) == 1 else "take"


def _it(operators: list[Operator]) -> str:
    return "it" if len(operators) == 1 else "them"


def _megabytes(count: float) -> str:
    return f"{count / 1e6:,.2f} MB"
