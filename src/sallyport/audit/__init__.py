"""What happened, provably. Knows entries and proofs, never plaintext."""
