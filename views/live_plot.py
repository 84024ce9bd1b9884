"""The pictures that follow the hand: contour, 3-D surface, curves, table, playback; drawn in the browser."""

from views.component import speaking
from views.messages import PictureMessage

live_plot = speaking("trajectories/live_plot", PictureMessage)
