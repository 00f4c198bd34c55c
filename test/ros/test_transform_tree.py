"""TransformTree: where cameras stand by /tf and /tf_static."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
from posed_hand import rotation

pytest.importorskip("rclpy", reason="needs ROS 2")
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Quaternion, TransformStamped, Vector3
from geometry_msgs.msg import Transform as TransformMessage
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from handos_model.fusion import transform_tree
from handos_model.fusion.transform_tree import (
    AHEAD,
    LONGEST_GAP,
    MAX_PARENTS,
    MAX_TF_FRAMES,
    MEMORY,
    NoTransform,
    TransformTree,
)
from handos_model.io.recording.transforms import Transform, transforms_of
from handos_model.kinematics.frames import quaternion


def sent(parent: str, child: str, place=(0.0, 0.0, 0.0), turn=None, stamp: float = 0.0) -> list[Transform]:
    x, y, z, w = quaternion(np.eye(3) if turn is None else turn).tolist()
    header = Header(frame_id=parent, stamp=Time(sec=int(stamp), nanosec=round(stamp % 1 * 1e9)))
    a, b, c = (float(value) for value in place)
    moved = TransformMessage(translation=Vector3(x=a, y=b, z=c), rotation=Quaternion(x=x, y=y, z=z, w=w))
    stamped = TransformStamped(header=header, child_frame_id=child, transform=moved)
    return transforms_of(TFMessage(transforms=[stamped]))


def test_poses_add_up_along_the_tree() -> None:
    tree, turn = TransformTree(), rotation((0, 0, 1), np.pi / 2)
    tree.keep_static(sent("base", "mast", (0, 0, 2)))
    tree.keep_static(sent("mast", "lens", (1, 0, 0), turn))
    tree.keep_static(sent("base", "table", (5, 0, 0), turn))
    pose = tree.pose("lens", "base", 0.0)
    np.testing.assert_allclose(pose.position, [1, 0, 2])
    np.testing.assert_allclose(pose.rotation, turn, atol=1e-12)
    beside = tree.pose("lens", "table", 0.0)
    np.testing.assert_allclose(beside.position, turn.T @ [-4, 0, 2], atol=1e-12)
    np.testing.assert_allclose(beside.rotation, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(tree.pose("/lens", "/lens", 0.0).position, 0)


def test_moving_cameras_are_where_they_were_at_the_time() -> None:
    tree = TransformTree()
    tree.keep(sent("base", "lens", (0, 0, 0), stamp=10.0))
    tree.keep(sent("base", "lens", (2, 0, 0), rotation((0, 0, 1), 1.0), stamp=12.0))
    tree.keep(sent("base", "lens", (1, 0, 0), rotation((0, 0, 1), 0.8), stamp=12.0 - AHEAD / 2))  # late
    half = tree.pose("lens", "base", 12.0 - AHEAD / 4)
    np.testing.assert_allclose(half.position, [1.5, 0, 0])
    np.testing.assert_allclose(half.rotation, rotation((0, 0, 1), 0.9), atol=1e-9)
    np.testing.assert_allclose(tree.pose("lens", "base", 12.0 + AHEAD / 2).position, [2, 0, 0])
    with pytest.raises(NoTransform, match=r"of lens ended 1\.0 s before the hands"):
        tree.pose("lens", "base", 13.0)
    with pytest.raises(NoTransform, match=r"of lens began 4\.0 s after the hands"):
        tree.pose("lens", "base", 6.0)


def test_no_pose_is_invented_in_a_gap() -> None:
    for gap in (LONGEST_GAP, LONGEST_GAP + 1, MEMORY + 5):
        tree, begin, end = TransformTree(), 10.0, 10.0 + gap
        tree.keep(sent("base", "lens", (0, 0, 0), stamp=begin))
        for tick in range(3):
            tree.keep(sent("base", "lens", (gap, 0, 0), stamp=end + tick / 50))
        if gap == LONGEST_GAP:
            np.testing.assert_allclose(tree.pose("lens", "base", begin + gap / 4).position, [gap / 4, 0, 0])
            continue
        np.testing.assert_allclose(tree.pose("lens", "base", begin + AHEAD / 2).position, 0)
        np.testing.assert_allclose(tree.pose("lens", "base", end - AHEAD / 4).position, [gap, 0, 0])
        with pytest.raises(NoTransform, match=r"of lens is missing for \d+\.\d s around the hands"):
            tree.pose("lens", "base", begin + gap / 2)


def test_one_wrong_stamp_does_not_make_the_others_old() -> None:
    tree = TransformTree()
    for tick in range(100):
        wrong = tick % 20 == 0
        tree.keep(sent("base", "lens", (9 if wrong else 0, 0, 0), stamp=tick / 50 + (3600 if wrong else 0)))
    for tick in range(1, 99):
        np.testing.assert_array_equal(tree.pose("lens", "base", tick / 50).position, 0)
    assert tree.refused == "a stamp of the transform of lens was more than 10 s ahead of the next"
    assert tree.refusals == 5


@pytest.mark.parametrize("ahead", [5.0, 3600.0])
def test_a_first_stamp_that_no_other_confirms_reaches_nothing(ahead: float) -> None:
    tree = TransformTree()
    tree.keep(sent("base", "lens", stamp=1.0 + ahead))
    assert not tree.reaches("lens", "base", 1.0) and tree.reaches("lens", "base", 1.0 + ahead)
    assert tree.reaches("lens", "base", 1.0 + ahead - AHEAD / 2)  # it can be used there
    tree.keep(sent("base", "lens", (7, 0, 0), stamp=1.0))
    assert tree.reaches("lens", "base", 1.0) and not tree.reaches("lens", "base", 1.1)
    np.testing.assert_array_equal(tree.pose("lens", "base", 1.0).position, [7, 0, 0])
    assert tree.refusals == (ahead > MEMORY)
    tree.keep(sent("base", "lens", stamp=2.0))
    assert tree.reaches("lens", "base", 1.1)


def test_many_transforms_are_kept_less_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transform_tree, "MAX_POSES", 100)
    tree = TransformTree()
    for tick in range(400):
        for name in ("lens", "wheel", "arm"):
            tree.keep(sent("base", name, (tick, 0, 0), stamp=tick / 100))
    for name in ("lens", "wheel", "arm"):
        np.testing.assert_allclose(tree.pose(name, "base", 3.985).position, [398.5, 0, 0], atol=1e-9)
        with pytest.raises(NoTransform, match="began"):
            tree.pose(name, "base", 2.0)


def test_old_transforms_are_forgotten_and_a_new_start_is_one() -> None:
    tree = TransformTree()
    for stamp in range(100, 140):
        tree.keep(sent("base", "lens", (stamp, 0, 0), stamp=stamp))
    with pytest.raises(NoTransform, match="began"):
        tree.pose("lens", "base", 105.0)
    tree.keep(sent("base", "lens", (7, 0, 0), stamp=3.0))
    np.testing.assert_allclose(tree.pose("lens", "base", 3.0).position, [7, 0, 0])


@pytest.mark.parametrize("jump", [1.0, 8.0, 30.0])
def test_time_that_jumps_back_forgets_where_a_camera_was(jump: float) -> None:
    tree = TransformTree()
    for tick in range(60):
        tree.keep(sent("base", "lens", (5, 0, 0), stamp=100 + tick / 30))
    for tick in range(30):
        now = 102 - jump + tick / 30
        tree.keep(sent("base", "lens", (0, 0, 0), stamp=now))
        np.testing.assert_array_equal(tree.pose("lens", "base", now + 0.02).position, 0)


def test_what_is_missing_is_said() -> None:
    tree = TransformTree()
    with pytest.raises(NoTransform, match="no transform from base to lens: lens is not published"):
        tree.pose("lens", "base", 0.0)
    tree.keep_static(sent("mast", "lens"))
    with pytest.raises(NoTransform, match="no transform from base to lens: base is not connected to it"):
        tree.pose("lens", "base", 0.0)


def test_circles_end() -> None:
    tree = TransformTree()
    tree.keep_static(sent("a", "b"))
    tree.keep_static(sent("b", "a"))
    with pytest.raises(NoTransform, match="circle"):
        tree.pose("a", "base", 0.0)


def test_what_no_transform_can_be_is_said_and_left_out() -> None:
    tree = TransformTree()
    tree.keep_static([Transform("base", "lens", 0.0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0))])
    assert "from base to lens cannot be used" in tree.refused
    tree.keep(sent("base", "lens", (float("nan"), 0, 0)))
    tree.keep(sent("lens", "lens"))
    tree.keep(sent("", "lens"))
    with pytest.raises(NoTransform):
        tree.pose("lens", "base", 0.0)


def test_what_comes_again_and_again_takes_no_memory() -> None:
    tree = TransformTree()
    tree.keep(sent("base", "lens", stamp=5.0))
    tracemalloc.start()
    for number in range(1000):  # a paused simulation
        tree.keep(sent("base", "lens", (number, 0, 0), stamp=5.0))
    for number in range(100):
        tree.keep_static(sent("base", f"{number:0100000}"))
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 100_000  # bytes
    np.testing.assert_allclose(tree.pose("lens", "base", 5.0).position, [999, 0, 0])
    assert tree.refused == "a frame's name has 100000 characters, must have at most 255"


def test_parents_are_those_of_the_time_and_memory_is_bounded() -> None:
    tree, before = TransformTree(), time.monotonic()
    tree.keep(sent("/rival", "left_hand"))
    tree.keep(sent("world", "left_hand"))
    assert tree.parents("/left_hand", before) == {"rival", "world"}
    later = time.monotonic()
    tree.keep(sent("world", "left_hand", stamp=1.0))
    assert tree.parents("left_hand", later) == {"world"}
    assert tree.parents("right_hand", before) == set()
    for number in range(MAX_PARENTS + 5):
        tree.keep(sent(f"rival{number}", "left_hand"))
    assert len(tree.parents("left_hand", before)) == MAX_PARENTS
    for number in range(MAX_TF_FRAMES + 5):
        tree.keep_static(sent("base", f"frame{number}"))
    assert "more than" in tree.refused and not tree.parents(f"frame{MAX_TF_FRAMES}", before)


def test_static_parents_stay_as_they_are_sent_once() -> None:
    tree = TransformTree()
    tree.keep_static(sent("rival", "left_hand"))
    later = time.monotonic()
    tree.keep(sent("world", "left_hand"))
    assert tree.parents("left_hand", later) == {"rival", "world"}
