"""Calibration files of cameras, by their formats."""
