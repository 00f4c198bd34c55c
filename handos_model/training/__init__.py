"""Training: recipes, batches, matching, losses, the loop, export. Needs the [train] extra."""
