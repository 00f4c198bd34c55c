"""A hand as the predictor would find it, for what is made of hands."""

import numpy as np
from posed_hand import posed_hand, rotation

from handos_model.camera import Camera
from handos_model.hand import Hand, joints_box

CAMERA = Camera.from_intrinsics(600, 590, 322, 241, 640, 480)


def make_hand(side="right", score=0.9, place=(0.05, -0.02, 0.6), number=-1, shape="right") -> Hand:
    vertices, joints = posed_hand(0.4, shape, rotation((1, 2, 0), 0.5))
    place = np.array(place)
    joints_2d = CAMERA.project(joints + place)
    numbers = (joints_box(joints_2d), joints_2d, np.linspace(0.3, 1, 21), joints + place, vertices + place, place)
    return Hand(score, side, 0.8, *(values.astype(np.float32) for values in numbers), id=number)
