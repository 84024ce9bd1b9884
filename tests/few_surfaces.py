"""The surfaces for tests that are about rules, differences or pages: one of each kind, since all would take minutes."""

FEW = ("ackley", "beale", "himmelblau", "ravine", "rosenbrock", "saddle")
