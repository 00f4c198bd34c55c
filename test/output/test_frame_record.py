"""The record of a frame."""

import json

import numpy as np
import pytest
from seen_hand import CAMERA, seen_hand

from handos_model.io.frame import Frame
from handos_model.output.frame_record import frame_record, record_line
from handos_model.wrist_pose import wrist_covariance

MODEL = {"name": "fake", "version": "1"}


@pytest.mark.parametrize("distance", [0.5, 2.0, 8.0, 20.0])
def test_a_covariance_stays_positive_definite_however_far_the_hand_is(distance):
    hand = seen_hand((0.5 * distance, -0.35 * distance, distance))
    line = record_line(frame_record(Frame("photo.jpg", None), CAMERA, "assumed", [hand], MODEL))
    told = np.reshape(json.loads(line)["hands"][0]["wrist"]["covariance"], (6, 6))
    np.testing.assert_array_equal(told, wrist_covariance(hand, CAMERA, True).reshape(6, 6))
    np.testing.assert_array_equal(told, told.T)
    assert np.linalg.eigvalsh(told).min() > 1e-5
