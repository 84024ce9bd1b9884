"""The page on which runs are seen side by side."""
