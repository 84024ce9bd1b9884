"""One task, one file; ``training.task`` says what such a file holds."""
