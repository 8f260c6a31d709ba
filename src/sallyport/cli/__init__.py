"""The `sallyport` command. One file per verb; a verb's heavy imports happen when it runs.

Exit codes: 0 done; 1 it did not hold (a log that does not verify, a demo that went otherwise); 2 wrong usage;
3 something is missing on this machine; 4 refused by the door; 5 the door cannot be reached; 78 the
configuration cannot be used.
"""

from sallyport.cli.app import main

__all__ = ["main"]
