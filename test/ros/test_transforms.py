"""Which hand has a side's frame, and which transforms tf2 takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_hand import make_hand

pytest.importorskip("geometry_msgs", reason="needs ROS 2")

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Transform, TransformStamped
from rclpy.clock import ROSClock
from rclpy.time import Time as RosTime
from std_msgs.msg import Header

from handos_model import Hand
from handos_model.tracking.side_frames import SideFrames
from handos_ros.conversions.transform_filter import TransformFilter


def hand(number: int, side: str = "right", score: float = 0.9) -> Hand:
    return replace(make_hand(), id=number, side=side, score=score)


def ids(hands: list[Hand]) -> list[int]:
    return [hand.id for hand in hands]


def test_a_sides_frame_stays_with_its_hand() -> None:
    sides, both = SideFrames(), [hand(1, score=0.5), hand(2, score=0.4)]
    assert ids(sides.chosen(both, {1, 2})) == [1]
    assert ids(sides.chosen([hand(1, score=0.5), hand(2, score=0.9)], {1, 2})) == [1]
    assert ids(sides.chosen([hand(2)], {1, 2})) == []  # 1 is not seen for a moment
    assert ids(sides.chosen([hand(1, score=0.1), hand(2)], {1, 2})) == [1]
    assert ids(sides.chosen([hand(2)], {2})) == [2]  # 1 is gone
    assert ids(sides.chosen(both, {1, 2})) == [2]


def test_sides_are_independent_and_a_hand_that_changes_its_side_frees_the_frame() -> None:
    sides = SideFrames()
    assert ids(sides.chosen([hand(1), hand(2, "left")], {1, 2})) == [2, 1]
    assert ids(sides.chosen([hand(1, "left", 0.1), hand(2, "left"), hand(3)], {1, 2, 3})) == [2, 3]
    assert sides.chosen([], {1, 2, 3}) == [] and sides.chosen([hand(5, "unknown")], {5}) == []


def test_hands_without_ids_go_by_their_scores() -> None:
    sides = SideFrames()
    for scores in ((0.9, 0.8), (0.7, 0.8)):
        chosen = sides.chosen([hand(-1, score=score) for score in scores], set())
        assert [h.score for h in chosen] == [max(scores)]


def transform(child: str, stamp: float, parent: str = "camera", x: float = 0.0) -> TransformStamped:
    nanoseconds = round(stamp * 1e9)
    header = Header(frame_id=parent, stamp=Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9))
    made = TransformStamped(header=header, child_frame_id=child, transform=Transform())
    made.transform.translation.x = x
    return made


def test_a_stamp_is_sent_once_and_others_in_any_order_of_ten_seconds() -> None:
    sent = TransformFilter()
    stamps = [100.0, 100.0, 100.1, 95.0, 95.0, 89.0, 101.0, 100.1]
    assert [len(sent.taken([transform("hand", stamp)])) for stamp in stamps] == [1, 0, 1, 1, 0, 0, 1, 0]
    assert len(sent.taken([transform("other", 100.0)])) == 1
    assert sent.withheld == 4
    sent.forget()
    assert len(sent.taken([transform("hand", 1.0)])) == 1


def test_after_a_jump_back_everything_is_sent_again_and_it_is_said() -> None:
    sent = TransformFilter()
    assert sent.taken([transform("hand", stamp) for stamp in (100.0, 101.0)]) and not sent.doubt()
    sent.restart()
    assert not sent.doubt()  # nothing has been refused yet
    for stamp, doubted in ((40.0, True), (95.0, True), (101.0, False), (102.0, False)):
        assert len(sent.taken([transform("hand", stamp)])) == 1
        assert bool(sent.doubt()) == doubted
    sent.restart()
    sent.restart()  # while nothing is sent
    assert sent.taken([transform("other", 50.0)]) and "use_sim_time" in sent.doubt()
    sent.forget()  # the clock of all listeners has jumped as well
    assert sent.taken([transform("other", 50.0)]) and not sent.doubt()


@pytest.fixture
def clock() -> ROSClock:
    """A simulated clock at 100 s."""
    clock = ROSClock()
    clock._set_ros_time_is_active(True)
    clock.set_ros_time_override(RosTime(seconds=100, clock_type=clock.clock_type))
    return clock


def test_a_clock_that_jumps_back_makes_the_filter_forget(clock: ROSClock) -> None:
    sent = TransformFilter(clock)
    assert sent.taken([transform("hand", 100.0)]) and not sent.taken([transform("hand", 100.0)])
    clock.set_ros_time_override(RosTime(seconds=50, clock_type=clock.clock_type))
    assert sent.taken([transform("hand", 50.0)]) and not sent.doubt()


def test_transforms_of_before_a_jump_of_the_clock_are_kept_back_after_it(clock: ROSClock) -> None:
    sent = TransformFilter(clock)
    before = sent.jumps
    assert sent.taken([transform("hand", 100.0)], before)
    clock.set_ros_time_override(RosTime(seconds=50, clock_type=clock.clock_type))
    assert not sent.taken([transform("hand", 100.1)], before) and sent.withheld == 1
    sent.restart()  # the stamps have jumped back as well
    assert sent.taken([transform("hand", 50.0)], sent.jumps) and not sent.doubt()


def test_stamps_that_differ_by_a_nanosecond_differ() -> None:
    sent, late = TransformFilter(), transform("hand", 0.0)
    for nanosecond in range(3):
        late.header.stamp = Time(sec=1_700_000_000, nanosec=nanosecond)
        assert sent.taken([late])


@pytest.mark.parametrize(
    "refused",
    [
        transform("hand", 1.0, parent=""),
        transform("", 1.0),
        transform("hand", 1.0, parent="hand"),
        transform("hand", 1.0, parent="/hand"),
        transform("hand", 1.0, x=np.nan),
        transform("hand", 1.0, x=np.inf),
    ],
)
def test_what_tf2_refuses_is_kept_back_with_what_hangs_on_it(refused: TransformStamped) -> None:
    sent = TransformFilter()
    finger = transform("hand_index_tip", 1.0, parent=refused.child_frame_id)
    other = transform("other", 1.0)
    assert sent.taken([refused, finger, other]) == [other]
    assert sent.withheld == 2


def test_names_of_hands_long_gone_are_forgotten() -> None:
    sent = TransformFilter()
    for number in range(1000):
        sent.taken([transform(f"hand_{number}", float(number))])
    assert len(sent._sent) < 20
