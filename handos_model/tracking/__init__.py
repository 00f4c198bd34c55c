"""Follows hands from image to image."""
