"""The wires that callers speak. Each dialect reads a body into a `Call`, and writes answers and errors."""
