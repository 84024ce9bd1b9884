"""The catalogue's timeline and cards; drawn in the browser."""

from views.component import speaking

cards = speaking("catalogue/catalogue")
"""Called with `(message, key, on_change)`; what is looked at comes back under search, families and rule."""
