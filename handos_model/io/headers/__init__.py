"""Headers of compressed images, checked against what their files can hold."""
