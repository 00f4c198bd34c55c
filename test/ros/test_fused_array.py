"""fused_array: what the message of one time says about all of its hands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from watched_hand import found_by, standing

pytest.importorskip("rclpy", reason="needs ROS 2")
from std_msgs.msg import Header

from handos_model.fusion.hand_fusion import FusedHand
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
