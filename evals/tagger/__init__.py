"""The tagger of names, places and addresses: its training, and what is measured of it and of the rules beside it."""
