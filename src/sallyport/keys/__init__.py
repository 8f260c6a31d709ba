"""Keys and sealed records. Knows bytes and contexts, never what they mean."""
