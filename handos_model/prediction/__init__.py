"""Finds and sees hands in one image: NumPy, OpenCV and ONNX Runtime alone."""
