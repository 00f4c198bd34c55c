"""Start and end of an executable."""
