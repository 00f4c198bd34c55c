"""What fusion_node is made of."""
