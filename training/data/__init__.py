"""Data sets as whole tensors: `load(...)` gives `Images`."""
