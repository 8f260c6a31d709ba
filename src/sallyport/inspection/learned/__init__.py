"""Scores that were learnt from examples. Pure: text in, a number out; how they were trained is in `evals/`."""
