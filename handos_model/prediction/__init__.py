"""Finds and sees hands in one image, with nothing but NumPy, OpenCV and ONNX Runtime."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # before ONNX Runtime is imported: no telemetry
