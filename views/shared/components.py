"""What is drawn in the browser and speaks for its page: each is called with `(message, key, on_change)`."""

from views.shared.component import speaking
from views.shared.messages import (
    BoardMessage,
    CatalogueMessage,
    ErrorsMessage,
    MapsMessage,
    PictureMessage,
    StudyMessage,
)

# Contour, 3-D surface, curves, table, playback.
live_plot = speaking("trajectories/live_plot", PictureMessage)
live_maps = speaking("maps/maps", MapsMessage)
# Errors of gradients against h, their table and sentences.
gradient_errors = speaking("gradients/gradient_errors", ErrorsMessage)
# Of Minibatch and The two momenta: a plane, curves, sections with sentences.
study = speaking("study/study", StudyMessage)
# Training runs: progress, curves, results. `need` in a change asks for a message with `reset` and every point.
board = speaking("training/board", BoardMessage)
# The timeline and the cards of rules; what is looked at comes back under search, families and rule.
catalogue_cards = speaking("catalogue/catalogue", CatalogueMessage)
