"""Combines the hands that several calibrated cameras see into one set of hands in one frame."""
