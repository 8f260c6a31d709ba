"""The processes of the door: one supervisor, Envoy, and the workers. Knows lives and deaths, no requests."""
