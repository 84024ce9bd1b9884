"""The catalogue's timeline and cards; drawn in the browser."""

from views.component import speaking
from views.messages import CatalogueChange, CatalogueMessage

cards = speaking("catalogue/catalogue", CatalogueMessage, CatalogueChange)
"""Called with `(message, key, on_change)`; what is looked at comes back under search, families and rule."""
