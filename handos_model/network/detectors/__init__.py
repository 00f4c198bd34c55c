"""Detectors that HandOS builds on, one file each."""
