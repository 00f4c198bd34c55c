"""The public photos and videos of docs/accuracy.md, fetched from the repositories that publish them."""
