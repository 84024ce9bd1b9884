"""All rules by name: one file of ``optim_core/rules`` each, and those that go around another."""

from optim_core.rule import discover

RULES = discover()
