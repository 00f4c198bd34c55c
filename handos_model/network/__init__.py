"""The network in PyTorch: frozen detector, side tuning and decoder. Only training and export need it."""
