"""Networks. Their weights come from torch's default generator: the caller seeds it."""
