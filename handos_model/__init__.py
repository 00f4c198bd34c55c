"""Metric 3D hands from one image: 21 joints, a 778-vertex mesh, side and confidence, in the camera's frame."""

from .camera import Camera
from .hand import Hand
from .predictor import HandPredictor
from .template import load_template

__version__ = "0.1.0"
__all__ = ["Camera", "Hand", "HandPredictor", "__version__", "load_template"]
