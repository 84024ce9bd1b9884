"""The board of training runs: progress, curves that grow, results; drawn in the browser.

`need` in a change asks for a message with `reset` and every point.
"""

from views.component import speaking
from views.messages import BoardMessage

board = speaking("training/board", BoardMessage)
