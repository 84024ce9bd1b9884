"""One optimizer, one file; ``optim_core.rule`` says what such a file holds."""
