"""Samples of hands: what a sample is, where it comes from, how it is augmented."""
