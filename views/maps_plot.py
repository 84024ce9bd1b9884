"""The maps that follow the hand; drawn in the browser."""

from views.component import speaking

maps = speaking("maps/maps")
