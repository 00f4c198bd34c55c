"""Inputs of hands_node: images, their camera, and depth."""
