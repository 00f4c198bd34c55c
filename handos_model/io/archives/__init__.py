"""Zip archives from elsewhere, with limits on what they may unpack to."""
