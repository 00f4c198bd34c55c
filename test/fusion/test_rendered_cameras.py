"""From the pictures of two cameras to one hand, through the network that ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba", reason="renders hands")
from cameras import CAMERA, error, placed, seen

from handos_model import HandPredictor
from handos_model.cli import main
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


def test_a_recording_of_two_cameras_becomes_one_with_the_hand_in_the_base_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rosbags")
    from made_bags import SECOND, BagWriter
    from read_bags import read_all

    monkeypatch.chdir(tmp_path)
    rng, lift = np.random.default_rng(3), np.array([0.0, 0.0, 1.0])
    scene = make_scene(rng, make_studio(HandPredictor(threads=1).template))
    size, focal = (CAMERA.width, CAMERA.height), CAMERA.K[0, 0]
    with BagWriter(Path("bag"), "MCAP") as bag:
        bag.transforms("/tf_static", SECOND, "mast", place=lift.tolist())
        for number, name in enumerate(("left", "right")):
            pose = placed(number, rng)
            turn = quaternion(pose.rotation).tolist()
            bag.transforms("/tf_static", SECOND, name, parent="mast", place=pose.position.tolist(), rotation=turn)
            for frame in range(3):
                picture = scene.picture(rng, CAMERA.K, size, pose.rotation, pose.position)
                stamp = 2 * SECOND + frame * SECOND // 10
                bag.camera_info(f"/{name}/camera_info", stamp, *size, focal, d=(0.0,) * 5)
                bag.image(f"/{name}/image_raw", picture, stamp, frame_id=name)
    for name in ("left", "right"):
        assert main(["predict", "bag", "--topic", f"/{name}/image_raw", "--track", "--out", f"{name}.jsonl"]) == 0
    assert main(["fuse", "left.jsonl", "right.jsonl", "--frame", "base", "--out", "fused.mcap"]) == 0
    arrays = [message for topic, _, _, message in read_all(Path("fused.mcap")) if topic == "/hands"]
    hands = [hand for message in arrays for hand in message.hands if hand.scale_source == hand.SCALE_TRIANGULATED]
    assert len(arrays) == 3 and hands and {message.header.frame_id for message in arrays} == {"base"}
    for hand in hands:
        joints = np.array([[joint.x, joint.y, joint.z] for joint in hand.joints_3d])
        assert np.linalg.norm(joints - scene.joints_3d - lift, axis=1).mean() < 0.02
