"""The command ``ravine``: the app, and all that can be done without it."""

__version__ = "0.1.0"
