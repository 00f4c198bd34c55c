"""Two hands_nodes with the network that ships look at one rendered hand, and fusion_node at what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from builtin_interfaces.msg import Time
from node_process import NodeProcess, parameters
from robot import Robot, image_message, info_message, stamped
from sensor_msgs.msg import CameraInfo, Image

pytest.importorskip("numba", reason="renders hands")
from cameras import CAMERA, placed

from handos_model import HandPredictor
from handos_model.kinematics.frames import quaternion
from handos_model.synthetic.body.person import make_studio
from handos_model.synthetic.several_cameras import HandScene, make_scene
from handos_ros.conversions import hands_from
from handos_ros.msg import Hand as HandMessage

CAMERAS = ("left", "right")
WAIT = 3.0  # s for a camera's hands, on a busy machine as well


class Rig(Robot):
    """Sends what two cameras see, and listens to what is said of it."""

    def __init__(self, pictures: dict[str, np.ndarray]) -> None:
        super().__init__("live")
        self.pictures, self.index = pictures, 0
        self.images = {name: self.create_publisher(Image, f"{name}/image", 5) for name in CAMERAS}
        self.infos = {name: self.create_publisher(CameraInfo, f"{name}/camera_info", 5) for name in CAMERAS}

    def until_seen(self, source: int, *names: str) -> HandMessage:
        """The one hand, once its size comes from the source, of frames of the cameras of these names."""
        for _ in range(20):
            stamp = self.send(*names)
            for _ in range(100):  # a first image may be lost on its way
                self.spin(0.1)
                if answers := [message for message in self.got["hands"] if message.header.stamp == stamp]:
                    break
            if answers and [hand.scale_source for hand in answers[-1].hands] == [source]:
                return answers[-1].hands[0]
        raise AssertionError(f"no such hand; the last: {self.got['hands'][-1:]}")

    def send(self, *names: str) -> Time:
        """The stamp of what these cameras see next."""
        self.index += 1
        for name in names:
            header, info = stamped(self.index, f"live_{name}"), info_message(CAMERA)
            info.header = header
            self.infos[name].publish(info)
            self.images[name].publish(image_message(self.pictures[name], header))
        return header.stamp


def scene_and_pictures(extrinsics: dict) -> tuple[HandScene, dict[str, np.ndarray]]:
    """A hand that the network finds in the pictures of both cameras."""
    predictor, rng = HandPredictor(threads=1), np.random.default_rng(3)
    studio, size = make_studio(predictor.template), (CAMERA.width, CAMERA.height)
    for _ in range(10):
        scene = make_scene(rng, studio)
        pictures = {
            name: scene.picture(rng, CAMERA.K, size, pose.rotation, pose.position) for name, pose in extrinsics.items()
        }
        if all([hand.side for hand in predictor.predict(p, CAMERA)] == [scene.side] for p in pictures.values()):
            return scene, pictures
    raise AssertionError("no hand is found in both pictures")


def test_a_hand_keeps_its_id_while_cameras_come_and_go(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    extrinsics = {name: placed(number, rng) for number, name in enumerate(CAMERAS)}
    scene, pictures = scene_and_pictures(extrinsics)
    poses = {
        f"live_{name}": {"translation": pose.position.tolist(), "rotation": quaternion(pose.rotation).tolist()}
        for name, pose in extrinsics.items()
    }
    (tmp_path / "cameras.yaml").write_text(yaml.safe_dump({"frame": "table", "cameras": poses}))
    arguments = parameters(
        topics="left/hands right/hands", extrinsics=tmp_path / "cameras.yaml", max_wait=WAIT, camera_timeout=WAIT
    )
    with (
        NodeProcess("hands_node", "-r", "__ns:=/live/left") as left,
        NodeProcess("hands_node", "-r", "__ns:=/live/right") as right,
        NodeProcess("fusion_node", "-r", "__ns:=/live", *arguments) as fusion,
    ):
        rig = Rig(pictures)
        rig.until(lambda: all(image.get_subscription_count() for image in rig.images.values()))
        rig.until(lambda: rig.count_publishers("hands"))
        both = rig.until_seen(HandMessage.SCALE_TRIANGULATED, *CAMERAS)
        (hand,) = hands_from(next(m for m in rig.got["hands"] if both in m.hands))
        assert np.linalg.norm(hand.joints_3d - scene.joints_3d, axis=1).mean() < 0.03
        assert rig.until_seen(HandMessage.SCALE_REMEMBERED, "left").id == both.id  # the other one is unplugged
        assert rig.until_seen(HandMessage.SCALE_REMEMBERED, "right").id == both.id
        assert rig.until_seen(HandMessage.SCALE_TRIANGULATED, *CAMERAS).id == both.id
        for node in (left, right, fusion):
            node.end()
