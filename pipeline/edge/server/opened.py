"""From the chosen directories to engines by the name under which a client asks for them."""

from __future__ import annotations

from pipeline.edge.classifier import Classifier
from pipeline.edge.server import FUNCTIONS, INTENT
from pipeline.edge.server.chosen import Chosen
from pipeline.edge.server.engines import ClassifierEngine, Engine


def open_engines(chosen: Chosen, threads: int) -> dict[str, Engine]:
    """The engines; EdgeError when a directory is broken or made for another than its companion."""
    engines: dict[str, Engine] = {INTENT: ClassifierEngine(Classifier.open(chosen.model, chosen.decision, threads))}
    if chosen.functions is not None:
        from pipeline.edge.server.generating import GeneratorEngine  # llguidance takes a tenth of a second
        engines[FUNCTIONS] = GeneratorEngine.open(chosen.functions, threads)
    return engines
