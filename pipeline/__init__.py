"""From a base model to verdicts: the rooms of the house, one folder each."""
