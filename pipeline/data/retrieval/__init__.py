"""Questions and the documents that answer them: what embeddings and rerankers are trained and judged on."""
