"""The page that trains networks."""
