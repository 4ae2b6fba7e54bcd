"""The search for a recipe: a declared space, objectives from thresholds.yaml, and trials that are artifacts of the store.

``plan`` says what is searched; ``space`` turns a trial's point into a recipe, ``trial`` judges it (``objectives``, ``evaluate``,
``halving``), ``work`` runs trials until the budget is spent, and ``worker`` does so as a process of its own.
"""
