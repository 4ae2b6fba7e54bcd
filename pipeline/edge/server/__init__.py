"""``edge serve``: the models of the device behind OpenAI's API, without torch in the process."""
