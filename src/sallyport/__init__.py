"""Sallyport: the Zero Trust door to a company's language models."""

__version__ = "0.1.0"
