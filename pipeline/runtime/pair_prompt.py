"""The prompt of a reranker, Qwen3-Reranker's (Zhang et al. 2025, arXiv:2506.05176): a question and a document, answered yes or no."""

from __future__ import annotations

from pipeline.runtime.prompt import template

SYSTEM = ('Judge whether the Document meets the requirements based on the Query and the Instruct provided. '
          'Note that the answer can only be "yes" or "no".')
SIDES = template(SYSTEM)
YES, NO = "yes", "no"


def pair_text(instruction: str, query: str, document: str) -> str:
    """What stands between the prompt's two sides."""
    return f"<Instruct>: {instruction}\n<Query>: {query}\n<Document>: {document}"
