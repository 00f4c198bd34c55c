"""Draws hands into images."""
