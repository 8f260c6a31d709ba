"""The door: the corridor of stages, the wire, the edge. Knows the order of things and no rule of any room."""
