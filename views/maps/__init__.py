"""The page of maps: all starts, or two hyperparameters."""
