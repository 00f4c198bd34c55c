"""What the paper reports, row by row, and how a network is measured as it measures."""
