"""Finds and sees hands in one image: NumPy, OpenCV and ONNX Runtime alone."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # before ONNX Runtime is imported: no telemetry
