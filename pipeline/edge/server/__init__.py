"""``edge serve``: the models of the device behind OpenAI's API, without torch in the process."""

INTENT, FUNCTIONS, EMBEDDING, RERANK = "intent", "functions", "embedding", "rerank"  # the names under which a client asks for the models
