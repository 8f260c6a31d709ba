"""The edge: Envoy terminates TLS in front of the workers, and what it asserts is read here and nowhere else.

`config` turns an `EdgePlan` into Envoy's configuration (pure), `process` knows how Envoy is started and what
its complaints mean, `leash` ties a child's life to its parent's, `asserted` judges on the worker's side whether
a request came through the edge. The edge knows nothing of principals, policies or bodies.
"""
