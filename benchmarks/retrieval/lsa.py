"""A vector a passage without a model from a hub: latent semantic analysis of character n-grams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import svds

from pipeline.data.assistant.resource import Resource
from pipeline.edge.assistant.library.terms import normal

LENGTHS, RAREST, SEED = (1, 2, 3), 2, 7


class Lsa:
    """tf-idf of n-grams of 1 to 3 characters, its leading singular vectors, and cosine (Deerwester et al. 1990)."""

    def __init__(self, resources: Iterable[Resource], dimensions: int) -> None:
        rows = [(one, f"{one.title} {text}") for one in resources for text in one.text or ("",)]
        self.resources = [one for one, _ in rows]
        counted = [Counter(_grams(text)) for _, text in rows]
        found = Counter(gram for counts in counted for gram in counts)
        grams = [gram for gram, count in found.items() if count >= RAREST]
        self.place = {gram: at for at, gram in enumerate(grams)}
        self.idf = np.log(len(rows) / np.array([found[gram] for gram in grams]))
        u, s, vt = svds(self._matrix(counted), k=dimensions, random_state=SEED)
        self.components, self.passages = vt, _unit(u * s)

    def nearest(self, text: str) -> Iterator[tuple[Resource, float]]:
        """The files by cosine, nearest first, each once."""
        cosines = self.passages @ _unit(np.asarray(self._matrix([Counter(_grams(text))]) @ self.components.T))[0]
        seen: set[str] = set()
        for at in np.argsort(-cosines):
            one = self.resources[at]
            if one.path not in seen:
                seen.add(one.path)
                yield one, float(cosines[at])

    def _matrix(self, counted: list[Counter[str]]) -> csr_matrix:
        """Passages by n-grams: (1 + log tf) idf, each row of length 1."""
        cells = [(row, self.place[gram], (1 + np.log(count)) * self.idf[self.place[gram]])
                 for row, counts in enumerate(counted) for gram, count in counts.items() if gram in self.place]
        rows, columns, values = zip(*cells, strict=True) if cells else ((), (), ())
        matrix = csr_matrix((values, (rows, columns)), shape=(len(counted), len(self.place)), dtype=np.float64)
        norms = np.sqrt(matrix.multiply(matrix).sum(axis=1)).A1
        return csr_matrix(matrix.multiply(1 / np.maximum(norms, 1e-12)[:, None]))


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _grams(text: str) -> Iterator[str]:
    said = " ".join(normal(text).split())
    yield from (said[at:at + length] for length in LENGTHS for at in range(len(said) - length + 1))
