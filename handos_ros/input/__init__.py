"""What comes to hands_node: images, their camera, depth."""
