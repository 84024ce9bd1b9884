"""Surfaces over data: a table of heights, and losses of two parameters over rows."""
