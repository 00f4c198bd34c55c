"""What training minimises: targets, matching and loss terms."""
