"""From the chosen directories to engines by the name under which a client asks for them."""

from __future__ import annotations

from pipeline.edge.classifier import Classifier
from pipeline.edge.server import EMBEDDING, FUNCTIONS, INTENT, RERANK
from pipeline.edge.server.chosen import Chosen, Pair
from pipeline.edge.server.engines import ClassifierEngine, Engine


def open_retrieval(embedding: Pair | None, reranker: Pair | None, threads: int) -> dict[str, Engine]:
    """The engines of an embedding and a reranker, where there are such; EdgeError as for ``open_engines``."""
    from pipeline.edge.reranker import Reranker
    from pipeline.edge.server.retrieval import EmbeddingEngine, RerankEngine
    from pipeline.runtime.embedding import Embedder
    engines: dict[str, Engine] = {}
    if embedding:
        engines[EMBEDDING] = EmbeddingEngine(Embedder.open(embedding.model, embedding.rule, threads))
    if reranker:
        engines[RERANK] = RerankEngine(Reranker.open(reranker.model, reranker.rule, threads))
    return engines


def open_engines(chosen: Chosen, threads: int) -> dict[str, Engine]:
    """The engines; EdgeError when a directory is broken or made for another than its companion."""
    engines: dict[str, Engine] = {INTENT: ClassifierEngine(Classifier.open(chosen.model, chosen.decision, threads))}
    if chosen.functions is not None:
        from pipeline.edge.server.generating import GeneratorEngine  # llguidance takes a tenth of a second
        engines[FUNCTIONS] = GeneratorEngine.open(chosen.functions, threads)
    return engines
