"""Zip archives of others, which must not unpack to more than they may."""
