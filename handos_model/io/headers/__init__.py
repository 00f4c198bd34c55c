"""What the headers of compressed images promise, checked against what their files can hold."""
