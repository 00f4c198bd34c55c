"""fusion_node over Fast DDS: two cameras' HandArrays in, one in the common frame out, and what is wrong said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import yaml
from geometry_msgs.msg import Quaternion, Transform, TransformStamped, Vector3
from made_mano import write_mano
from node_process import NodeProcess, parameters
from robot import LATCHED, Robot, diagnostics, stamped
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker
from watched_hand import CAMERA, PLACE, PLACES, extrinsics_values, found_by, standing, true_hand

from handos_model.fusion.extrinsics import Extrinsics
from handos_model.hand import Hand, turned_over
from handos_model.kinematics.frames import quaternion
from handos_model.template.load import load_template
from handos_ros.conversions import hands_from
from handos_ros.conversions.hands import hand_array
from handos_ros.msg import Hand as HandMessage
from handos_ros.msg import HandArray


class Rig(Robot):
    """Sends what two hands_nodes send."""

    def __init__(self, namespace: str) -> None:
        super().__init__(namespace, shown=True)
        self.cameras = {name: self.create_publisher(HandArray, f"{name}/hands", 5) for name in PLACES}
        self.static = self.create_publisher(TFMessage, "/tf_static", LATCHED)
        self.mirrored = ""  # the camera whose images are

    def send(self, name: str, index: int, *hands: Hand, frame: str = "") -> None:
        header = stamped(index, frame or f"{self.get_namespace()[1:]}_{name}")
        mirrored = name == self.mirrored
        seen, lens = turned_over([*hands], CAMERA) if mirrored else ([*hands], CAMERA)
        self.cameras[name].publish(hand_array(seen, header, lens, HandArray.SCALE_PRIOR, "net 1", mirrored=mirrored))

    def both(self, index: int, frame: str = "") -> HandArray:
        """The message of a hand that both see, once both are known to send: nobody waits for a camera before."""
        for name in PLACES:
            self.send(name, index - 1, frame=frame)
        self.answer(index - 1)
        for name, at in PLACES.items():
            self.send(name, index, found_by(standing(at), scale=1.15, number=3), frame=frame)
        return self.answer(index)

    def fused(self, index: int) -> tuple[int, HandArray]:
        """The message once cameras meet, and its index: a busy machine may answer before both have arrived."""
        for now in range(index, index + 100, 2):
            message = self.both(now)
            if message.scale_source == HandArray.SCALE_TRIANGULATED:
                return now, message
        raise AssertionError(f"the cameras never met: {message}")

    def answer(self, index: int) -> HandArray:
        stamp = stamped(index).stamp
        return self.until(lambda: next((m for m in self.got["hands"] if m.header.stamp == stamp), None))

    def told(self, words: str, sending: Callable[[], object] = lambda: None) -> str:
        """The message of a status that says so, of those that come from now on, while `sending` is called again."""
        before = len(self.got["/diagnostics"])

        def found() -> str:
            sending()
            mine = [
                m for m in self.got["/diagnostics"][before:] if m.status[0].name.startswith(self.get_namespace()[1:])
            ]
            return next((m.status[0].message for m in mine if words in m.status[0].message), "")

        return self.until(found)

    def meet(self) -> None:
        self.until(lambda: all(camera.get_subscription_count() for camera in self.cameras.values()))
        self.until(lambda: self.count_publishers("hands") and self.got["/diagnostics"])


def transform(frame: str, pose: Extrinsics) -> TransformStamped:
    (x, y, z), (a, b, c, w) = pose.position.tolist(), quaternion(pose.rotation).tolist()
    sent = TransformStamped(child_frame_id=frame)
    sent.header.frame_id = "world"
    sent.transform = Transform(translation=Vector3(x=x, y=y, z=z), rotation=Quaternion(x=a, y=b, z=c, w=w))
    return sent


@pytest.fixture(scope="module")
def by_tf() -> Iterator[Rig]:
    arguments = parameters(topics="left/hands right/hands", frame="world", slop=0.04, max_wait=0.5)
    with NodeProcess("fusion_node", "-r", "__ns:=/tfd", *arguments) as node:
        rig = Rig("tfd")
        rig.meet()
        yield rig
        node.end()


@pytest.fixture(scope="module")
def by_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    path = tmp_path_factory.mktemp("rig") / "cameras.yaml"
    path.write_text(yaml.safe_dump(extrinsics_values("filed_")))
    arguments = parameters(topics="left/hands right/hands", extrinsics=path, max_wait=0.5, frame_prefix="f/")
    with NodeProcess("fusion_node", "-r", "__ns:=/filed", *arguments) as node:
        rig = Rig("filed")
        rig.meet()
        yield rig
        node.end()


def test_without_transforms_nothing_is_published_and_it_is_said(by_tf: Rig) -> None:
    for name, at in PLACES.items():
        by_tf.send(name, 0, found_by(standing(at)))
    assert "there is no transform from world to tfd_left" in by_tf.told("left/hands is left out")
    assert by_tf.got["hands"] == []


def test_transforms_that_come_later_are_used(by_tf: Rig) -> None:
    by_tf.static.publish(TFMessage(transforms=[transform(f"tfd_{name}", standing(at)) for name, at in PLACES.items()]))
    index = count(1)

    def placed() -> bool:
        now = next(index)
        for name in PLACES:
            by_tf.send(name, now)
        return bool(by_tf.got["hands"])

    by_tf.until(placed)
    (hand,) = by_tf.fused(next(index) + 1)[1].hands
    joints = np.array([(p.x, p.y, p.z) for p in hand.joints_3d])
    assert np.linalg.norm(joints - true_hand()[1], axis=1).mean() < 0.002
    assert hand.scale_source == HandMessage.SCALE_TRIANGULATED and hand.wrist_valid


def test_what_is_published_is_of_no_image(by_file: Rig) -> None:
    _, message = by_file.fused(0)
    assert message.header.frame_id == "table" and message.model == "net 1"
    assert (message.width, message.fx, message.scale_source) == (0, 0.0, HandArray.SCALE_TRIANGULATED)
    (hand,) = hands_from(message)
    assert np.isnan(hand.joints_2d).all() and hand.vertices.shape == (778, 3)
    assert np.isfinite(message.hands[0].wrist.covariance).all()
    sent = by_file.until(lambda: [t for m in by_file.got["/tf"] for t in m.transforms if t.child_frame_id[:2] == "f/"])
    assert (sent[0].header.frame_id, sent[0].child_frame_id) == ("table", "f/right_hand")


@pytest.mark.parametrize("topic", ["hands/right/grasp", "hands/right/poses", "hands/joint_states", "hands/markers"])
def test_what_follows_from_the_hands_is_in_the_common_frame(by_file: Rig, topic: str) -> None:
    if not by_file.got[topic]:
        by_file.both(10)

    def frames() -> set[str]:
        parts = [part for message in by_file.got[topic] for part in getattr(message, "markers", [message])]
        return {part.header.frame_id for part in parts}

    by_file.until(frames)
    assert frames() == {"table"}


def test_no_hands_are_said_too(by_file: Rig) -> None:
    for name in PLACES:
        by_file.send(name, 2)
    assert by_file.answer(2).hands == []


def test_one_camera_unplugged(by_file: Rig) -> None:
    start, message = by_file.fused(20)
    (before,) = message.hands
    for index in range(start + 1, start + 4):  # the other camera is silent from here
        by_file.send("left", index, found_by(standing(PLACES["left"]), scale=1.15, number=3))
        (alone,) = by_file.answer(index).hands
    assert alone.id == before.id and alone.scale_source == HandMessage.SCALE_REMEMBERED
    place = np.array([alone.translation.x, alone.translation.y, alone.translation.z])
    assert np.linalg.norm(place - true_hand()[1][0]) < 0.01
    by_file.spin(1.0)
    for index in range(start + 4, start + 10):
        by_file.send("left", index, found_by(standing(PLACES["left"]), scale=1.15, number=3))
        (alone,) = by_file.answer(index).hands
    assert alone.id == before.id and alone.scale_source == HandMessage.SCALE_REMEMBERED
    later = count(start + 10)

    def left() -> None:
        index = next(later)
        by_file.send("left", index, found_by(standing(PLACES["left"]), scale=1.15, number=3))
        by_file.answer(index)  # a busy node would lose frames, and with them the hand's id

    assert "nothing comes on right/hands" in by_file.told("left/hands is the only camera that sees hands", left)
    for _ in range(3):  # plugged in again, now the first one is gone
        index = next(later)
        by_file.send("right", index, found_by(standing(PLACES["right"]), scale=1.15, number=8))
        (over,) = by_file.answer(index).hands
    assert over.id == before.id


def test_frames_that_the_file_does_not_have(by_file: Rig) -> None:
    by_file.send("left", 10_000, found_by(standing(PLACES["left"])), frame="elsewhere")
    said = by_file.told("elsewhere is not in")
    assert "filed_left, filed_right" in said


def test_clocks_that_differ_are_said(by_file: Rig) -> None:
    later = count(20_000)

    def apart() -> None:
        index = next(later)
        by_file.send("left", index, found_by(standing(PLACES["left"])))
        by_file.send("right", index + 1000, found_by(standing(PLACES["right"])))

    assert "are their clocks synchronised" in by_file.told("no stamps of different cameras lie within slop", apart)


def test_cameras_in_one_place_are_said(by_file: Rig) -> None:
    later = count(30_000, 10)
    said = by_file.told("are in the same place", lambda: by_file.both(next(later), frame="filed_left"))
    assert "right/hands are in the same place" in said


def test_cameras_that_were_moved_are_said(by_file: Rig) -> None:
    later, moved = count(40_000), standing(PLACES["right"])

    def apart() -> None:
        index = next(later)
        by_file.send("left", index, found_by(standing(PLACES["left"])))
        by_file.send("right", index, found_by(Extrinsics(moved.rotation, moved.position + [0, 0.3, 0])))
        by_file.answer(index)

    assert "are the transforms between" in by_file.told("saw hands in different places", apart)


def test_damaged_messages_are_left_out(by_file: Rig) -> None:
    by_file.cameras["left"].publish(
        HandArray(header=stamped(50_000, "filed_left"), width=640, height=480, hands=[HandMessage(side=9)])
    )
    assert "a hand has the side 9" in by_file.told("left/hands is left out")
    assert by_file.both(50_010).hands
    assert diagnostics(by_file.got["/diagnostics"][-1])["errors survived"] == "0"


def test_mirror_images_are_fused_as_what_they_mirror(by_file: Rig) -> None:
    by_file.mirrored = "right"
    (hand,) = hands_from(by_file.fused(60_000)[1])
    assert np.linalg.norm(hand.joints_3d - true_hand()[1], axis=1).mean() < 0.002


def test_hands_of_another_template_have_its_faces(tmp_path: Path) -> None:
    path = write_mano(tmp_path / "mano") / "MANO_RIGHT.pkl"
    template = load_template(path)
    vertices = template.vertices + PLACE
    rest = (vertices, template.joint_regressor @ vertices)
    arguments = parameters(frame="world", template=path, topics="left/hands right/hands", max_wait=0.5)
    with NodeProcess("fusion_node", "-r", "__ns:=/mano", *arguments) as node:
        rig = Rig("mano")
        rig.meet()
        rig.static.publish(TFMessage(transforms=[transform("mano_left", standing(PLACES["left"]))]))
        later = count()

        def shown() -> list[Marker]:
            rig.send("left", next(later), found_by(standing(PLACES["left"]), rest))
            return [part for message in rig.got["hands/markers"] for part in message.markers if part.ns == "mesh"]

        mesh = rig.until(shown)[0]
        node.stop()
    corners = np.array([(p.x, p.y, p.z) for p in mesh.points]).reshape(-1, 3, 3)
    np.testing.assert_allclose(corners, vertices[template.faces], atol=1e-4)
