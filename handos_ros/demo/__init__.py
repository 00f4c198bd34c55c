"""Plays a video through the nodes and draws their results."""
