"""The examples are projects of their own: run by `test_examples.py`, not collected here."""

collect_ignore = ["plain_project"]
