"""What is asked of many runs at once: maps, tuning, stability, differences, minibatches."""
