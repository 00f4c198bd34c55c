"""Renders pictures of hands with exact labels."""
