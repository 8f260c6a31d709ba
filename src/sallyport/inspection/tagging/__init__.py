"""Names, street addresses, organisations, places, dates and record numbers, seen by our own tagger."""
