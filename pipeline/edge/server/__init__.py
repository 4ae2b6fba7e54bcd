"""``edge serve``: the models of the device behind OpenAI's API, without torch in the process."""

INTENT, FUNCTIONS = "intent", "functions"  # the names under which a client asks for the models
