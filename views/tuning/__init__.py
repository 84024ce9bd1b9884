"""The page that finds hyperparameters."""
