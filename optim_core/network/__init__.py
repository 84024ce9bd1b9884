"""Rules that train networks: the drop-in for torch.optim."""
