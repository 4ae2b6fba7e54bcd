"""A quantisation in the terminal: what became of a model, or would become of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pipeline.report.recipe_steps import megabytes, print_table

if TYPE_CHECKING:
    from pipeline.quantize.foreseen import Foreseen


def show_foreseen(foreseen: Foreseen, stream: TextIO) -> None:
    """A row a tensor, then the sums; nothing was built."""
    rows = [(one.name, " × ".join(map(str, one.shape)), one.becomes, f"{one.before:,}", f"{one.after:,}") for one in foreseen.tensors]
    before, after = foreseen.bytes
    config = foreseen.config
    notes = [f"{megabytes(before)} → {megabytes(after)} MB ({after / before:.1%}, scales counted)",
             f"about {foreseen.seconds:,.0f} s on two cores",
             f"{config.backend}, {config.method}: " + (f"would not run here: {foreseen.unable}" if foreseen.unable else "can run here"),
             "nothing was built"]
    print_table(stream, ("tensor", "shape", "becomes", "bytes before", "after"), rows, numbers=(3, 4), notes=notes)


def show_result(output: Path, stream: TextIO) -> None:
    """What the manifest says, in a few lines."""
    from pipeline.quantize.manifest import MANIFEST, manifest_of

    if not (output / MANIFEST).is_file():
        print(output, file=stream)
        return
    made = manifest_of(output)
    before, after = made["bytes"]["before"], made["bytes"]["after"]
    print(f"{output}: {made['method']} by {made['backend']}, {megabytes(before)} → {megabytes(after)} MB ({after / before:.1%}) "
          f"in {made['seconds']:,.1f} s, {made['tensors']['quantised']} matrices of {sum(made['tensors'].values())} tensors", file=stream)
    if made["fallback"]:
        print(f"not by {made['asked']['backend']}: {made['fallback']}", file=stream)
