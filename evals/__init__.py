"""How the learned detectors are trained and measured. Not part of the package."""
