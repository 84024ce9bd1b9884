"""Machine code for surfaces and rules: how it is made, kept on the disk, and driven block by block."""
