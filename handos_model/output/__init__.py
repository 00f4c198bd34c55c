"""Results and drawings out: every file through one door."""
