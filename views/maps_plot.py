"""The maps that follow the hand; drawn in the browser."""

from views.component import speaking
from views.messages import MapsMessage

maps = speaking("maps/maps", MapsMessage)
