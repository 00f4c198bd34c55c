"""From the pictures of two cameras to one hand, through the network that ships."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba", reason="renders hands")
from cameras import CAMERA, error, placed, seen
from posed_hand import rotation

from handos_model import HandPredictor
from handos_model.cli import main
from handos_model.fusion.extrinsics import Extrinsics
from handos_model.kinematics.frames import quaternion
from handos_model.synthetic.body.person import make_studio
from handos_model.synthetic.several_cameras import make_scene


def test_two_cameras_halve_the_absolute_error_of_one() -> None:
    predictor, rng = HandPredictor(threads=1), np.random.default_rng(3)
    studio = make_studio(predictor.template)
    errors = []
    for _ in range(6):
        scene = make_scene(rng, studio)
        views = [seen(predictor, scene, rng, number) for number in range(2)]
        errors.append([*(error([view], scene) for view in views), error(views, scene)])
    found = np.array([row for row in errors if np.isfinite(row).all()])
    assert len(found) >= 2
    assert found[:, 2].mean() < found[:, :2].mean() / 2
    assert found[:, 2].mean() < 0.03


@pytest.mark.parametrize("moves", [False, True])
def test_a_recording_of_two_cameras_becomes_one_with_the_hand_in_the_base_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: bool
) -> None:
    """moves: the right camera, on an arm, by 10 degrees and 6 cm in all; the other one is on a mast."""
    pytest.importorskip("rosbags")
    from made_bags import SECOND, BagWriter
    from read_bags import read_all

    monkeypatch.chdir(tmp_path)
    rng, lift = np.random.default_rng(5), np.array([0.0, 0.0, 1.0])
    scene = make_scene(rng, make_studio(HandPredictor(threads=1).template))
    size, focal = (CAMERA.width, CAMERA.height), CAMERA.K[0, 0]

    def send(topic: str, stamp: int, parent: str, child: str, pose: Extrinsics) -> None:
        turn = quaternion(pose.rotation).tolist()
        bag.transforms(topic, stamp, child, parent=parent, place=pose.position.tolist(), rotation=turn)

    with BagWriter(Path("bag"), "MCAP") as bag:
        arm = moves * np.array([0.0, 0.0, 0.3])  # to the camera, in its axes
        send("/tf_static", SECOND, "base", "mast", Extrinsics(np.eye(3), lift))
        send("/tf_static", SECOND, "arm", "right", Extrinsics(np.eye(3), arm))
        poses = {"left": placed(0, rng), "right": placed(1, rng)}
        send("/tf_static", SECOND, "mast", "left", poses["left"])

        def at(name: str, seconds: float) -> Extrinsics:
            if name == "left" or not moves:
                return poses[name]
            turn = rotation((0, 1, 0), np.radians(50 * seconds - 5))
            return Extrinsics(turn @ poses[name].rotation, turn @ poses[name].position + [0, 0.3 * seconds - 0.03, 0])

        for tick in range(13):
            stamp, pose = 2 * SECOND + tick * SECOND // 50, at("right", tick / 50)
            if moves or not tick:
                where = Extrinsics(pose.rotation, pose.position - pose.rotation @ arm)
                send("/tf" if moves else "/tf_static", stamp, "mast", "arm", where)
        for name, frame in itertools.product(poses, range(3)):
            pose, stamp = at(name, frame / 10 + 0.013), 2 * SECOND + frame * SECOND // 10 + 13_000_000
            picture = scene.picture(rng, CAMERA.K, size, pose.rotation, pose.position)
            bag.camera_info(f"/{name}/camera_info", stamp, *size, focal, d=(0.0,) * 5)
            bag.image(f"/{name}/image_raw", picture, stamp, frame_id=name)
    for name in ("left", "right"):
        assert main(["predict", "bag", "--topic", f"/{name}/image_raw", "--track", "--out", f"{name}.jsonl"]) == 0
    assert main(["fuse", "left.jsonl", "right.jsonl", "--frame", "base", "--out", "fused.mcap"]) == 0
    arrays = [message for topic, _, _, message in read_all(Path("fused.mcap")) if topic == "/hands"]
    hands = [hand for message in arrays for hand in message.hands if hand.scale_source == hand.SCALE_TRIANGULATED]
    assert len(arrays) == 3 <= len(hands) and {message.header.frame_id for message in arrays} == {"base"}
    for hand in hands:
        joints = np.array([[joint.x, joint.y, joint.z] for joint in hand.joints_3d])
        assert np.linalg.norm(joints - scene.joints_3d - lift, axis=1).mean() < 0.02
