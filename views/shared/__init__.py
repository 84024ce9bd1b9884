"""What every page is made of: its address and state, its controls, and the way to the browser."""
