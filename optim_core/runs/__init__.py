"""Runs of one rule on one surface: traced, swept, and what became of them."""
