"""May they: Cedar decisions and budgets. Knows roles and resources, never tokens or texts."""
