"""fused_array: what the message of one time says about all of its hands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from watched_hand import CAMERA, found_by, standing, view

pytest.importorskip("rclpy", reason="needs ROS 2")
from std_msgs.msg import Header

from handos_model.fusion.hand_fusion import FusedHand, HandFusion
from handos_model.fusion.results_files import CameraFrame, FusedFrame, fused_record
from handos_model.output.message_types import Messages, Origin, open_types
from handos_ros.conversions.stamps import stamp_of
from handos_ros.fusion.fused_array import fused_array
from handos_ros.fusion.fusion_settings import FusionSettings
from handos_ros.msg import HandArray

ONE, TWO = "left/hands", "left/hands right/hands"


@pytest.mark.parametrize(
    ("topics", "sources", "said"),
    [
        (TWO, [], HandArray.SCALE_PRIOR),
        (TWO, ["triangulated", "triangulated"], HandArray.SCALE_TRIANGULATED),
        (TWO, ["triangulated", "remembered"], HandArray.SCALE_TRIANGULATED),
        (TWO, ["triangulated", "user"], HandArray.SCALE_USER),
        (TWO, ["depth", "triangulated"], HandArray.SCALE_DEPTH),
        (TWO, ["user", "prior"], HandArray.SCALE_PRIOR),
        (ONE, ["user"], HandArray.SCALE_USER),
        (ONE, ["depth"], HandArray.SCALE_DEPTH),
        (ONE, ["remembered", "depth"], HandArray.SCALE_DEPTH),
        (ONE, ["remembered"], HandArray.SCALE_DEPTH),
    ],
)
def test_all_hands_have_at_least_the_scale_that_is_said_of_them(topics: str, sources: list[str], said: int) -> None:
    hand = found_by(standing(0.0))
    fused = [FusedHand(replace(hand, scale_source=source), np.eye(6), ("left/hands",), 0.0) for source in sources]
    message = fused_array(fused, Header(), False, "net 1", FusionSettings(topics=topics))
    assert message.scale_source == said


@pytest.mark.parametrize("source", ["camera", "assumed"])
def test_recordings_of_fused_hands_have_the_messages_of_the_node(source: str) -> None:
    pytest.importorskip("rosbags")
    from rclpy.serialization import deserialize_message

    stamp, hands = 1_700_000_000_123_456_789, [found_by(standing(place), scale=1.15) for place in (-30, 30)]
    views = [view(name, place, hand) for name, place, hand in zip("ab", (-30, 30), hands, strict=True)]
    seen = [CameraFrame(one.name, stamp, one.hands, CAMERA, "bag#0", "/image", source, dict(name="net", version="1"))
            for one in views]  # fmt: skip
    fused = HandFusion().update(views, 1.0)
    header = Header(stamp=stamp_of(stamp), frame_id="base")
    sent = fused_array(fused, header, source == "assumed", "net 1", FusionSettings(topics=TWO))
    record = fused_record(FusedFrame(stamp, fused, seen), "base", vertices=True)
    recorded = deserialize_message(
        Messages(open_types(), Origin(measured="triangulated")).hand_array(record), HandArray
    )
    assert recorded.hands[0].scale_source == recorded.hands[0].SCALE_TRIANGULATED
    for one, other in zip([sent, *sent.hands], [recorded, *recorded.hands], strict=True):
        for name in one.get_fields_and_field_types():
            if name != "hands":
                values = [numbers(getattr(message, name)) for message in (one, other)]
                np.testing.assert_allclose(*values, atol=1e-4, err_msg=name)


def numbers(value: object) -> np.ndarray:
    """All numbers of a field of a message, and the characters of its texts."""
    if isinstance(value, str):
        return np.array([ord(letter) for letter in value], float)
    if hasattr(value, "get_fields_and_field_types"):
        return np.concatenate([numbers(getattr(value, name)) for name in value.get_fields_and_field_types()])
    if isinstance(value, list):
        return np.concatenate([np.zeros(0), *map(numbers, value)])
    return np.ravel(np.array(value, float))
