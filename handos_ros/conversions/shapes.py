"""Converts hands to a point cloud, and the template to a mesh."""

from __future__ import annotations

import numpy as np
from sensor_msgs.msg import PointCloud2, PointField
from shape_msgs.msg import Mesh, MeshTriangle
from std_msgs.msg import Header

from handos_model.hand import Hand
from handos_model.template.hand_template import HandTemplate
from handos_ros.conversions.images import byte_array
from handos_ros.conversions.markers import points

POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("hand_id", "<i4")])
"""One point of the cloud: metres in the header's frame, and the id of its hand, -1 if not tracked."""


def hand_points(hands: list[Hand], header: Header) -> PointCloud2:
    """Makes a cloud of the vertices of all hands in turn, each with x, y, z and hand_id."""
    counts = [len(hand.vertices) for hand in hands]
    cloud = np.empty(sum(counts), POINT)
    if hands:
        vertices = np.concatenate([hand.vertices for hand in hands])
        cloud["x"], cloud["y"], cloud["z"] = vertices.T
        cloud["hand_id"] = np.repeat([hand.id for hand in hands], counts)
    kinds = {"x": PointField.FLOAT32, "y": PointField.FLOAT32, "z": PointField.FLOAT32, "hand_id": PointField.INT32}
    fields = [
        PointField(name=name, offset=4 * index, count=1, datatype=kind)
        for index, (name, kind) in enumerate(kinds.items())
    ]
    message = PointCloud2(
        header=header, height=1, width=len(cloud), fields=fields, point_step=POINT.itemsize,
        row_step=POINT.itemsize * len(cloud), is_dense=True,
    )  # fmt: skip
    message.data = byte_array(cloud)
    return message


def template_mesh(template: HandTemplate) -> Mesh:
    """Makes a mesh of the right hand at rest, in metres; its triangles, with outward normals, fit Hand.vertices.

    For the vertices of a left hand, the same triangles have inward normals.
    """
    triangles = [MeshTriangle(vertex_indices=face) for face in template.faces.astype(np.uint32)]
    return Mesh(triangles=triangles, vertices=points(template.vertices))
