"""Hands that several calibrated cameras see, as one set of hands in one frame."""
