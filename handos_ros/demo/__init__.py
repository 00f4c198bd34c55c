"""Plays a video through the nodes and draws what they say."""
