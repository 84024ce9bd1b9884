"""Property tests draw the same examples in every run; RAVINE_SEARCH=1 draws new ones (to look for failures)."""

import os

from hypothesis import settings

settings.register_profile("same", derandomize=True)
settings.register_profile("search", print_blob=True)
settings.load_profile("search" if os.environ.get("RAVINE_SEARCH") else "same")
