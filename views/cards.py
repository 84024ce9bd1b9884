"""The catalogue's timeline and cards; drawn in the browser."""

from views.component import speaking
from views.messages import CatalogueMessage

cards = speaking("catalogue/catalogue", CatalogueMessage)
"""Called with `(message, key, on_change)`; what is looked at comes back under search, families and rule."""
