"""The parts of fusion_node."""
