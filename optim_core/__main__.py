"""``python -m optim_core``: a door to ``ravine.plane``, whose commands run rules on surfaces."""

import sys

from ravine.plane import main

if __name__ == "__main__":
    sys.exit(main())
