"""What a surface is, and its exact derivatives."""
