"""Reads images, videos, recordings and settings; every file from outside is opened here and checked."""
