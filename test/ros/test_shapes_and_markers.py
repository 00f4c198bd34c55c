from dataclasses import replace

import numpy as np
import pytest
from posed_hand import posed_hand

pytest.importorskip("rclpy", reason="needs ROS 2")
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from handos_model.hand import BONES, Hand
from handos_model.template.hand_template import signed_volume
from handos_model.template.load import load_template
from handos_ros.conversions.markers import MarkerBoard, hand_markers
from handos_ros.conversions.shapes import hand_points, template_mesh

TEMPLATE = load_template()
HEADER = Header(frame_id="camera_optical")


def make_hand(side="right", number=-1) -> Hand:
    vertices, joints = (values + [0.1, 0.05, 0.6] for values in posed_hand(0.3, "right" if side == "unknown" else side))
    box, joints_2d, confidence = np.zeros(4), np.zeros((21, 2)), np.ones(21)
    return Hand(0.9, side, 0.9, box, joints_2d, confidence, joints, vertices.astype(np.float32), joints[0], id=number)


def xyz(points) -> np.ndarray:
    return np.array([[p.x, p.y, p.z] for p in points])


def as_seen(message: MarkerArray) -> dict[str, Marker]:
    """Markers of one hand by namespace, after the way over the wire."""
    return {marker.ns: marker for marker in deserialize_message(serialize_message(message), MarkerArray).markers}


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_mesh_has_its_surface_outside(side):
    hand = make_hand(side, 3)
    mesh = as_seen(hand_markers([hand], HEADER, TEMPLATE.faces, 0.2))["mesh"]
    assert (mesh.type, mesh.action, mesh.id) == (Marker.TRIANGLE_LIST, Marker.ADD, 3)
    assert len(mesh.points) == 3 * len(TEMPLATE.faces)
    corners = xyz(mesh.points).reshape(-1, 3, 3)
    expected = hand.vertices[TEMPLATE.faces if side == "right" else TEMPLATE.faces[:, ::-1]]
    np.testing.assert_array_equal(corners, expected)
    order = np.arange(3 * len(TEMPLATE.faces)).reshape(-1, 3)
    assert signed_volume(corners.reshape(-1, 3), order) > 0
    assert xyz([mesh.scale]).tolist() == [[1, 1, 1]]
    assert (mesh.pose.orientation.w, 0 < mesh.color.a <= 1) == (1, True)


def test_a_hand_without_vertices_has_all_but_a_mesh():
    hand = make_hand("left", 3)
    bare = replace(hand, vertices=np.zeros((0, 3), np.float32))
    board = MarkerBoard(TEMPLATE.faces)
    whole = as_seen(board.markers([hand], HEADER, 0.0))
    markers = as_seen(board.markers([bare], HEADER, 0.0))
    assert (markers["mesh"].action, markers["mesh"].id, markers["mesh"].points) == (Marker.DELETE, 3, [])
    assert markers["skeleton"] == whole["skeleton"] and markers["label"] == whole["label"]


def test_a_skeleton_joins_the_joints_bone_by_bone():
    hand = make_hand()
    skeleton = as_seen(hand_markers([hand], HEADER, TEMPLATE.faces, 0.2))["skeleton"]
    assert (skeleton.type, len(skeleton.colors)) == (Marker.LINE_LIST, 40)
    np.testing.assert_array_equal(xyz(skeleton.points).reshape(20, 2, 3), hand.joints_3d[np.array(BONES)])
    assert 0 < skeleton.scale.x < 0.02
    thumb, little = skeleton.colors[0], skeleton.colors[-1]
    assert thumb == skeleton.colors[7] != skeleton.colors[8]
    assert thumb != little


def test_a_label_says_id_and_side_above_the_hand():
    hand = make_hand("left", 12)
    label = as_seen(hand_markers([hand], HEADER, TEMPLATE.faces, 0.2))["label"]
    assert (label.type, label.text) == (Marker.TEXT_VIEW_FACING, "#12 left")
    assert label.pose.position.y < hand.joints_3d[:, 1].min()
    assert label.scale.z > 0
    (_, _, untracked) = hand_markers([make_hand("unknown")], HEADER, TEMPLATE.faces, 0.2).markers
    assert untracked.text == "unknown"


def test_sides_have_colours_of_their_own():
    hands = [make_hand(side) for side in ("right", "left", "unknown")]
    markers = hand_markers(hands, HEADER, TEMPLATE.faces, 0.2).markers
    colours = {(m.color.r, m.color.g, m.color.b) for m in markers if m.ns == "mesh"}
    assert len(colours) == 3
    right, left = (m.color for m in markers[:4:3])
    assert right.r - right.b > 0.4  # orange and blue differ for every kind of colour vision
    assert left.b - left.r > 0.4


def test_markers_have_header_lifetime_and_ids_of_their_own():
    hands = [make_hand(number=5), make_hand(), make_hand("left")]
    markers = hand_markers(hands, HEADER, TEMPLATE.faces, 0.25).markers
    assert {(m.lifetime.sec, m.lifetime.nanosec) for m in markers} == {(0, 250_000_000)}
    assert all(m.header == HEADER for m in markers)
    assert [m.id for m in markers if m.ns == "mesh"] == [5, -2, -3]
    assert len({(m.ns, m.id) for m in markers}) == 9


def actions(message: MarkerArray) -> list[tuple[int, str, int]]:
    return [(m.action, m.ns, m.id) for m in message.markers]


def test_a_board_clears_at_first_and_takes_back_what_is_gone():
    board = MarkerBoard(TEMPLATE.faces)
    first = board.markers([make_hand(number=1), make_hand(number=2)], HEADER, 0.2)
    assert actions(first)[0] == (Marker.DELETEALL, "", 0)
    assert len(first.markers) == 1 + 6
    second = board.markers([make_hand(number=2)], HEADER, 0.2)
    added = [(Marker.ADD, ns, 2) for ns in ("mesh", "skeleton", "label")]
    gone = [(Marker.DELETE, ns, 1) for ns in ("mesh", "skeleton", "label")]
    assert actions(second) == added + gone
    assert actions(board.markers([], HEADER, 0.2)) == [(Marker.DELETE, ns, 2) for ns in ("mesh", "skeleton", "label")]
    assert board.markers([], HEADER, 0.2).markers == []


def test_no_hands_give_no_markers():
    assert hand_markers([], HEADER, TEMPLATE.faces, 0.2).markers == []
    assert actions(MarkerBoard(TEMPLATE.faces).markers([], HEADER, 0.2)) == [(Marker.DELETEALL, "", 0)]


def points_of(message: PointCloud2) -> np.ndarray:
    """A point cloud as any reader takes it: by its fields."""
    kinds = {PointField.FLOAT32: "<f4", PointField.INT32: "<i4"}
    layout = {
        "names": [f.name for f in message.fields], "formats": [kinds[f.datatype] for f in message.fields],
        "offsets": [f.offset for f in message.fields], "itemsize": message.point_step,
    }  # fmt: skip
    return np.frombuffer(message.data, np.dtype(layout))


def test_points_are_the_vertices_with_their_hands_id():
    hands = [make_hand(number=4), make_hand("left")]
    message = hand_points(hands, HEADER)
    assert (message.header, message.height, message.width) == (HEADER, 1, 2 * 778)
    assert (message.row_step, len(message.data)) == (16 * 2 * 778, 16 * 2 * 778)
    assert (message.is_dense, message.is_bigendian) == (True, False)
    points = points_of(message)
    found = np.stack([points["x"], points["y"], points["z"]], axis=1)
    np.testing.assert_array_equal(found, np.concatenate([hand.vertices for hand in hands]))
    assert points["hand_id"].tolist() == [4] * 778 + [-1] * 778


def test_no_hands_give_an_empty_cloud():
    message = hand_points([], HEADER)
    assert (message.width, message.row_step, len(message.data)) == (0, 0, 0)
    assert [f.name for f in message.fields] == ["x", "y", "z", "hand_id"]


def test_the_template_as_a_mesh():
    mesh = template_mesh(TEMPLATE)
    np.testing.assert_array_equal(xyz(mesh.vertices), TEMPLATE.vertices)
    np.testing.assert_array_equal([t.vertex_indices for t in mesh.triangles], TEMPLATE.faces)
