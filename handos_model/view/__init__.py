"""Shows predictions in Rerun and Foxglove, live or in files that they open."""
