"""Compares predictions with labels."""
