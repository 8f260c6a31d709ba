"""What a text carries, and what happens to it. Knows strings, never people or models."""
