"""One TOML file to one frozen value. The only reader of the environment and of secret references.

Unknown keys are refused with the nearest known name. A secret is written by reference only: `env:NAME` or
`file:/path` (the file must not be readable by others). Fields that begin with `unsafe_` weaken the door; each
that is set warns at start, and `sallyport check` lists it.
"""

from __future__ import annotations

from sallyport.settings.checks import is_loopback
from sallyport.settings.load import load, loads, unsafe_switches
from sallyport.settings.schema import Settings
from sallyport.settings.secrets import Secret, resolve

__all__ = ["Secret", "Settings", "is_loopback", "load", "loads", "resolve", "unsafe_switches"]
