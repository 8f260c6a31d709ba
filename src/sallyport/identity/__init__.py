"""Who calls, and how that is proven. Knows tokens and sessions, never models or policies."""
