"""Metric 3D hands from one image: 21 joints, a 778-vertex mesh, side and confidence, in the camera's frame."""

from handos_model.camera import Camera
from handos_model.drawing.hand_drawing import draw_hands
from handos_model.hand import Hand
from handos_model.prediction.predictor import HandPredictor
from handos_model.template.load import load_template
from handos_model.tracking.follower import HandFollower
from handos_model.tracking.tracker import HandTracker

__version__ = "0.1.0"
__all__ = [
    "Camera",
    "Hand",
    "HandFollower",
    "HandPredictor",
    "HandTracker",
    "__version__",
    "draw_hands",
    "load_template",
]
