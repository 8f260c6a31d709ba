"""Measures of the content policy."""
