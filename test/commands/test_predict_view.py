"""The files of `handos predict --view`, read by the viewers' own readers, hold what was predicted."""

import json

import cv2
import numpy as np
import pytest

pytest.importorskip("onnx")
from fake_network import answer, write_network
from made_files import write_image
from made_videos import write_timed_video
from posed_hand import posed_hand
from predicted import CAMERA, PHOTO, PLACE
from viewed import messages, rows

from handos_model.cli import main
from handos_model.drawing.hand_drawing import LABEL_COLOURS
from handos_model.kinematics.frames import wrist_frame
from handos_model.template.load import load_template

pytest.importorskip("rerun")
pytest.importorskip("foxglove")
TOPICS = {"/image", "/calibration", "/annotations", "/hands", "/tf"}
LEFT = PLACE - [0.25, 0, 0]


@pytest.fixture
def two_hands(tmp_path) -> str:
    """A network that sees a right hand at PLACE and a left one at LEFT."""
    (vertices, joints), (left, left_joints) = posed_hand(), posed_hand(side="left")
    answers = [
        answer(vertices + PLACE, joints + PLACE, CAMERA),
        answer(left + LEFT, left_joints + LEFT, CAMERA, right=0.0),
    ]
    return str(write_network(tmp_path / "two.onnx", answers, 640))


def predict(*argv) -> int:
    return main(["predict", *map(str, argv)])


def xyz(points) -> np.ndarray:
    return np.array([[point.x, point.y, point.z] for point in points])


# --- every frame is there


def test_a_rerun_file_holds_images_meshes_and_frames_of_every_frame(tmp_path, two_hands):
    video = write_timed_video(tmp_path / "v.mp4", [0, 40, 120, 160], size=(640, 480))
    file = tmp_path / "out" / "v.rrd"
    assert predict(video, "--view", f"rerun={file}", "--weights", two_hands) == 0
    assert [path.name for path in file.parent.iterdir()] == ["v.rrd"]
    found = rows(file)
    assert {len(rows) for rows in found.values()} == {4}
    images = found["/camera/image"]
    assert [row["frame"] for row in images] == [0, 1, 2, 3]
    assert [row["stamp"] for row in images] == [0, 40_000_000, 120_000_000, 160_000_000]
    picture = cv2.imdecode(np.array(images[1]["EncodedImage:blob"][0], np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (480, 640, 3)
    assert abs(picture.mean() - 38) < 3  # made_videos.shade(1)
    matrix = np.array(found["/camera"][0]["Pinhole:image_from_camera"][0]).reshape(3, 3).T
    assert np.allclose(matrix, CAMERA.K + [[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])


def test_rerun_shows_hands_in_the_image_and_in_the_cameras_frame(tmp_path, two_hands):
    photo, out = write_image(tmp_path / "photo.png", PHOTO), tmp_path / "r.jsonl"
    file = tmp_path / "v.rrd"
    assert predict(photo, "--view", f"rerun={file}", "--out", out, "--weights", two_hands, "--vertices") == 0
    found, hands = rows(file), json.loads(out.read_text())["hands"]
    assert {hand["side"] for hand in hands} == {"left", "right"}
    for number, hand in enumerate(hands):
        space, image = f"/hands/hand_{number}", f"/camera/image/hand_{number}"
        mesh = found[f"{space}/mesh"][0]
        vertices = np.array(mesh["Mesh3D:vertex_positions"])
        assert np.allclose(vertices, hand["vertices"], atol=1e-4)
        faces, normals = (np.array(mesh[f"Mesh3D:{name}"]) for name in ("triangle_indices", "vertex_normals"))
        assert np.mean(np.sum((vertices - vertices.mean(0)) * normals, axis=1)) > 0  # out of the hand, on both sides
        assert np.array_equal(faces, load_template().faces[:, :: -1 if hand["side"] == "left" else 1])
        pose = found[f"{space}/wrist"][0]
        position, turn = wrist_frame(np.array(hand["joints_3d"]), hand["side"])
        assert np.allclose(pose["Transform3D:translation"], [position], atol=1e-4)
        assert np.allclose(np.array(pose["Transform3D:mat3x3"][0]).reshape(3, 3).T, turn, atol=1e-2)
        joints = np.array(found[f"{image}/joints"][0]["Points2D:positions"])
        assert np.allclose(joints, np.array(hand["joints_2d"]) + 0.5, atol=0.01)
        assert np.allclose(CAMERA.project(vertices).min(0), joints.min(0), atol=25)  # the mesh lies on its joints
        box = found[f"{image}/box"][0]
        assert box["Boxes2D:labels"] == [f"{hand['side'].capitalize()} 90%"]
        r, g, b = LABEL_COLOURS[hand["side"]]
        assert box["Boxes2D:colors"] == [r << 24 | g << 16 | b << 8 | 255]
        centre, half = (np.array(box[f"Boxes2D:{name}"][0]) for name in ("centers", "half_sizes"))
        assert np.allclose([*(centre - half), *(centre + half)], np.array(hand["box"]) + 0.5, atol=0.01)


def test_a_foxglove_file_holds_images_meshes_and_frames_of_every_frame(tmp_path, two_hands):
    video = write_timed_video(tmp_path / "v.mp4", [0, 40, 120, 160], size=(640, 480))
    out, file = tmp_path / "r.jsonl", tmp_path / "out" / "v.mcap"
    assert predict(video, "--view", f"foxglove={file}", "--out", out, "--weights", two_hands, "--vertices") == 0
    found = messages(file)
    assert set(found) == TOPICS
    for of_topic in found.values():
        assert [time for time, _ in of_topic] == [0, 40_000_000, 120_000_000, 160_000_000]
    for at, line in enumerate(out.read_text().splitlines()):
        record = {topic: of_topic[at][1] for topic, of_topic in found.items()}
        picture = cv2.imdecode(np.frombuffer(record["/image"].data, np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (480, 640, 3)
        assert record["/image"].frame_id == record["/calibration"].frame_id == "camera"
        assert np.allclose(np.reshape(record["/calibration"].K, (3, 3)), CAMERA.K)
        hands = json.loads(line)["hands"]
        assert len(record["/hands"].entities) == len(record["/tf"].transforms) == len(hands) == 2
        assert len(record["/hands"].deletions) == 1
        for hand, entity, frame in zip(hands, record["/hands"].entities, record["/tf"].transforms, strict=True):
            assert entity.frame_id == frame.parent_frame_id == "camera"
            assert entity.id == frame.child_frame_id
            (mesh,) = entity.triangles
            assert np.allclose(xyz(mesh.points), hand["vertices"], atol=1e-4)
            assert np.array_equal(np.reshape(mesh.indices, (-1, 3))[:, 1], load_template().faces[:, 1])
            turn = frame.rotation
            assert np.allclose([turn.x, turn.y, turn.z, turn.w], hand["wrist"]["orientation"], atol=1e-4)
            assert np.allclose(xyz([frame.translation])[0], hand["wrist"]["position"], atol=1e-4)


def test_foxglove_draws_boxes_skeletons_axes_and_labels(tmp_path, two_hands):
    photo, out = write_image(tmp_path / "photo.png", PHOTO), tmp_path / "r.jsonl"
    file = tmp_path / "v.mcap"
    assert predict(photo, "--view", f"foxglove={file}", "--out", out, "--weights", two_hands) == 0
    found, hands = messages(file), json.loads(out.read_text())["hands"]
    annotations, scene = found["/annotations"][0][1], found["/hands"][0][1]
    assert [text.text for text in annotations.texts] == [f"{hand['side'].capitalize()} 90%" for hand in hands]
    for number, hand in enumerate(hands):
        box, bones, joints = annotations.points[3 * number : 3 * number + 3]
        assert np.allclose([box.points[0].x, box.points[0].y], np.array(hand["box"][:2]) + 0.5, atol=0.01)
        assert np.allclose([[p.x, p.y] for p in joints.points], np.array(hand["joints_2d"]) + 0.5, atol=0.01)
        assert len(bones.points) == 40
        colour = np.array([box.outline_color.r, box.outline_color.g, box.outline_color.b]) * 255
        assert np.allclose(colour, LABEL_COLOURS[hand["side"]])
        _, turn = wrist_frame(np.array(hand["joints_3d"]), hand["side"])
        for axis, arrow in enumerate(scene.entities[number].arrows):
            q = arrow.pose.orientation
            along = [1 - 2 * (q.y**2 + q.z**2), 2 * (q.x * q.y + q.w * q.z), 2 * (q.x * q.z - q.w * q.y)]
            assert np.allclose(along, turn[:, axis], atol=1e-2)
        assert len(scene.entities[number].arrows) == 3
        assert np.allclose(xyz(s.pose.position for s in scene.entities[number].spheres), hand["joints_3d"], atol=1e-4)
