"""The objective of training: targets, matching and loss terms."""
