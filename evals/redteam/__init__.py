"""Suites of others against a running door, with an obedient model behind it."""
