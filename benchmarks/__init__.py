"""One runnable file per claim of speed; each prints its row and the peer's beside it."""
