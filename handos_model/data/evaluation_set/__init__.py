"""The public photos and videos of docs/accuracy.md, brought from the repositories that publish them."""
