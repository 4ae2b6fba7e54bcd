"""The dry run: what would become of each tensor, how long it would take, and whether the backend can run here."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.quantize import artifact
from pipeline.quantize.backends import backend
from pipeline.quantize.checkpoint import open_checkpoint
from pipeline.quantize.config import CALIBRATED, QuantizationConfig
from pipeline.quantize.plan import Planned, plan, seconds
from pipeline.store import Store


@dataclass(frozen=True)
class Foreseen:
    """tensors in the model's order; unable: why it would not run as asked, or None."""

    config: QuantizationConfig
    tensors: list[Planned]
    seconds: float
    unable: str | None

    @property
    def bytes(self) -> tuple[int, int]:
        """Before and after."""
        return sum(one.before for one in self.tensors), sum(one.after for one in self.tensors)


def foresee(config: QuantizationConfig, store: Store) -> Foreseen:
    """Nothing is built, but for a Parquet file's conversion, which is kept in the store.  EdgeError for what cannot be quantised."""
    source = artifact.model_directory(config.input, store)
    planned = plan(open_checkpoint(source), config)
    unable = backend(config.backend).unable(source, config)
    if unable is None and config.method in CALIBRATED and not config.calibration_data:
        unable = "it needs calibration data; give --calibration-data"
    return Foreseen(config, planned, seconds(planned, config), unable)
