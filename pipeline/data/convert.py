"""Data from one format into another, without a loss: what cannot be said in the other is dropped by name, never bent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.atomic import write_atomically
from pipeline.data.formats import formats
from pipeline.data.formats.example import Format, Numbered
from pipeline.data.jsonl import field_names, format_object
from pipeline.errors import EdgeError


@dataclass(frozen=True)
class Conversion:
    """``parsed``: rows that were written.  ``dropped`` and ``duplicates``: one line each, beginning with file:line.

    A duplicate asks what an earlier row asks; it is told and kept.
    """

    source: str
    target: str
    parsed: int
    dropped: tuple[str, ...]
    duplicates: tuple[str, ...]

    def __str__(self) -> str:
        counts = {"parsed": self.parsed, "dropped": len(self.dropped), "duplicates": len(self.duplicates)}
        table = [f"{name:<12}{count:>9}" for name, count in counts.items()]
        return "\n".join([*self.dropped, *self.duplicates, f"{self.source} -> {self.target}", *table])


def convert(source: Path, target: Path, to: str, of: str = "", *, system: str, columns: Mapping[str, str] | None = None) -> Conversion:
    """Write the rows of ``source`` to ``target``, a .jsonl file, in the format ``to``; ``of``: its own, detected where it is "".

    Intent records are asked under the message ``system``.  Nothing is written where no row can be.  EdgeError for an
    unknown format, a source that cannot be read or told, and a target that is the source.
    """
    known = formats(system, columns)
    for name in filter(None, (of, to)):
        if name not in known:
            raise EdgeError(f"expected a format of {', '.join(known)}, found {name!r}; choose one")
    _check_paths(source, target)
    of = of or detect(source, known)
    dropped: list[str] = []
    examples = known[of].read(source, dropped)
    lines = list(_lines(source, examples, known[to], dropped))
    if lines:
        write_atomically(target, "".join(lines), durable=True)
    return Conversion(of, to, len(lines), tuple(dropped), tuple(_duplicates(source, examples)))


def _check_paths(source: Path, target: Path) -> None:
    for path, suffixes in ((source, (".jsonl", ".csv")), (target, (".jsonl",))):
        if path.suffix.lower() not in suffixes:
            raise EdgeError(f"{path}: expected a {' or '.join(suffixes)} file, found the suffix {path.suffix!r}; name or convert it so")
    if source.exists() and target.exists() and source.samefile(target):
        raise EdgeError(f"{target}: expected a target beside the source, found the source itself; name another file")


def detect(source: Path, known: Mapping[str, Format]) -> str:
    """The format of the file's first readable row; EdgeError where none has its fields, or several that read it differently."""
    names = field_names(source)
    found = [name for name, one in known.items() if one.fields <= names]
    if len({known[name].read for name in found}) == 1:
        return found[0]
    expected = "; ".join(f"{name}: {', '.join(sorted(one.fields))}" for name, one in known.items())
    raise EdgeError(f"{source}: expected the fields of one format ({expected}), found those of {', '.join(found) or 'none'} in "
                    f"{', '.join(sorted(names)) or 'no readable row':.80}; name the format with --from")


def _lines(source: Path, examples: Numbered, to: Format, dropped: list[str]) -> Iterator[str]:
    for line, example in examples:
        where = f"{source}:{line}"
        try:
            yield format_object(to.row(example, where), where)
        except EdgeError as mistake:
            dropped.append(str(mistake))


def _duplicates(source: Path, examples: Numbered) -> Iterator[str]:
    first: dict[tuple[str, ...], tuple[int, str]] = {}
    for line, example in examples:
        earlier, answer = first.setdefault((example.system, *example.turns), (line, example.answer))
        if earlier != line:
            other = "" if answer == example.answer else f", there answered {answer!r:.40}"
            yield f"{source}:{line}: duplicate: {example.turns[-1]!r:.60} stands already at line {earlier}{other}"
