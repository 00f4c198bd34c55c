"""Converts hands to RViz markers: shaded meshes, skeletons, and labels with id and side."""

from __future__ import annotations

from operator import itemgetter

import numpy as np
from geometry_msgs.msg import Point, Vector3
from rclpy.duration import Duration
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from handos_model.drawing.hand_drawing import FINGER_COLOURS, MESH_COLOURS
from handos_model.hand import BONES, Hand

NAMESPACES = ("mesh", "skeleton", "label")
"""Marker namespaces; the id of a marker is that of its hand."""
MESH_OPACITY = 0.75
"""Opacity of the mesh, which lets the skeleton show through."""
LINE_WIDTH = 0.004
"""Width of the bones of a skeleton, in metres."""
LABEL_HEIGHT = 0.025
"""Height of a label's capital letters, in metres."""
LABEL_DISTANCE = 0.03
"""Distance from the uppermost joint of a hand to the middle of its label, in metres."""


def hand_markers(hands: list[Hand], header: Header, faces: np.ndarray, lifetime: float) -> MarkerArray:
    """Makes mesh, skeleton and label for every hand. faces (F, 3): the template's; lifetime: in seconds, 0 for ever.

    Right hands are orange and left ones blue, which colour-blind people can tell apart; unknown sides are grey. Ids
    are those of the hands; untracked hands have -1, -2, ... in order. The faces of left hands, which are mirrored right
    hands, are turned over so that all normals point outwards. A hand without vertices has no mesh: the marker deletes
    one that was shown.
    """
    outward = {"right": faces, "unknown": faces, "left": faces[:, ::-1]}
    corners = {side: itemgetter(*outward[side].ravel().tolist()) for side in {hand.side for hand in hands}}
    message = MarkerArray()
    for number, hand in zip(marker_ids(hands), hands, strict=True):
        mesh, skeleton, label = (_marker(header, namespace, number, lifetime) for namespace in NAMESPACES)
        _fill_mesh(mesh, hand, corners[hand.side])
        _fill_skeleton(skeleton, hand)
        _fill_label(label, hand)
        message.markers.extend((mesh, skeleton, label))
    return message


def marker_ids(hands: list[Hand]) -> list[int]:
    """Returns a marker id per hand: its own, or -1, -2, ... for untracked ones."""
    return [int(hand.id) if hand.id >= 0 else -1 - index for index, hand in enumerate(hands)]


class MarkerBoard:
    """Immediately deletes the markers of hands that are gone, without waiting for their lifetime to end.

    The first message deletes what an earlier run of the node may have left.
    """

    def __init__(self, faces: np.ndarray) -> None:
        self._faces = faces
        self._shown: set[int] | None = None

    def markers(self, hands: list[Hand], header: Header, lifetime: float) -> MarkerArray:
        """Returns the next message to publish; arguments as for hand_markers."""
        message = hand_markers(hands, header, self._faces, lifetime)
        ids = set(marker_ids(hands))
        if self._shown is None:
            message.markers.insert(0, Marker(header=header, action=Marker.DELETEALL))
        else:
            gone = sorted(self._shown - ids)
            message.markers.extend(
                Marker(header=header, ns=namespace, id=number, action=Marker.DELETE)
                for number in gone for namespace in NAMESPACES
            )  # fmt: skip
        self._shown = ids
        return message


def _marker(header: Header, namespace: str, number: int, lifetime: float) -> Marker:
    return Marker(
        header=header, ns=namespace, id=number, action=Marker.ADD, lifetime=Duration(seconds=lifetime).to_msg()
    )


def _fill_mesh(marker: Marker, hand: Hand, corners: itemgetter) -> None:
    if not len(hand.vertices):
        marker.action = Marker.DELETE
        return
    marker.type = Marker.TRIANGLE_LIST
    marker.scale = Vector3(x=1.0, y=1.0, z=1.0)
    marker.color = _colour(MESH_COLOURS[hand.side], MESH_OPACITY)
    # A vertex belongs to about six triangles: its point is made once, and all their corners refer to it.
    marker.points = list(corners(points(hand.vertices)))


def _fill_skeleton(marker: Marker, hand: Hand) -> None:
    marker.type = Marker.LINE_LIST
    marker.scale.x = LINE_WIDTH
    joints = points(hand.joints_3d)
    fingers = [_colour(colour, 1.0) for colour in FINGER_COLOURS]
    marker.color = fingers[0]
    marker.points = [joints[joint] for bone in BONES for joint in bone]
    marker.colors = [fingers[bone // 4] for bone in range(len(BONES)) for _ in range(2)]


def _fill_label(marker: Marker, hand: Hand) -> None:
    marker.type = Marker.TEXT_VIEW_FACING
    marker.scale.z = LABEL_HEIGHT
    x, y, z = hand.joints_3d[np.argmin(hand.joints_3d[:, 1])].tolist()  # up is -y in an optical frame
    marker.pose.position = Point(x=x, y=y - LABEL_DISTANCE, z=z)
    marker.color = _colour(MESH_COLOURS[hand.side], 1.0)
    marker.text = f"#{hand.id} {hand.side}" if hand.id >= 0 else hand.side


def points(values: np.ndarray) -> list[Point]:
    """Point messages from positions (N, 3) m."""
    return [Point(x=x, y=y, z=z) for x, y, z in values.tolist()]


def _colour(rgb: tuple[int, int, int], opacity: float) -> ColorRGBA:
    red, green, blue = (channel / 255 for channel in rgb)
    return ColorRGBA(r=red, g=green, b=blue, a=opacity)
