"""Hands as Foxglove's messages."""

from __future__ import annotations

from typing import Any

import numpy as np

from handos_model.camera import Camera
from handos_model.kinematics.frames import quaternion
from handos_model.view.scene import AXIS, ShownHand

AXIS_COLOURS = ((255, 60, 60), (70, 200, 70), (70, 110, 255))
"""RGB of x, y and z."""


class FoxgloveScene:
    """Makes the messages of one frame; stamp: a Timestamp, frame_id: the camera's frame."""

    def __init__(self) -> None:
        from foxglove import messages  # imported here, as it is only installed for this viewer

        self._m: Any = messages

    def transforms(self, shown: list[ShownHand], stamp: Any, frame_id: str) -> Any:
        """The frames of the wrists that are known."""
        m = self._m
        return m.FrameTransforms(
            transforms=[
                m.FrameTransform(
                    timestamp=stamp,
                    parent_frame_id=frame_id,
                    child_frame_id=one.name,
                    translation=m.Vector3(**_xyz(one.hand.translation)),
                    rotation=self._quaternion(quaternion(one.wrist)),
                )
                for one in shown
                if one.wrist is not None
            ]
        )

    def annotations(self, shown: list[ShownHand], stamp: Any, camera: Camera) -> Any:
        """Boxes, skeletons and labels in the image; the width of lines depends on its size."""
        m = self._m
        width = max(1.5, min(camera.width, camera.height) / 320)
        points, texts = [], []
        for one in shown:
            colour = self._colour(one.colour)
            (x0, y0), (x1, y1) = (corner.tolist() for corner in one.corners)
            kinds = m.PointsAnnotationType
            for kind, pixels, thickness in (
                (kinds.LineLoop, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)], width),
                (kinds.LineList, one.bones_2d.reshape(-1, 2).tolist(), width),
                (kinds.Points, one.joints_2d.tolist(), 2.5 * width),
            ):
                corners = [m.Point2(x=x, y=y) for x, y in pixels]
                points.append(
                    m.PointsAnnotation(
                        timestamp=stamp,
                        type=kind,
                        points=corners,
                        outline_color=colour,
                        fill_color=colour if kind == kinds.Points else None,
                        thickness=thickness,
                    )
                )
            texts.append(
                m.TextAnnotation(
                    timestamp=stamp,
                    position=m.Point2(x=x0, y=y0),
                    text=one.label,
                    font_size=9 * width,
                    text_color=self._colour((255, 255, 255)),
                    background_color=colour,
                )
            )
        return m.ImageAnnotations(timestamp=stamp, points=points, texts=texts)

    def update(self, shown: list[ShownHand], stamp: Any, frame_id: str) -> Any:
        """Meshes, bones, axes and labels in space, which replace everything that was there."""
        m = self._m
        everything = m.SceneEntityDeletion(timestamp=stamp, type=m.SceneEntityDeletionType.All)
        return m.SceneUpdate(deletions=[everything], entities=[self._entity(one, stamp, frame_id) for one in shown])

    def _entity(self, one: ShownHand, stamp: Any, frame_id: str) -> Any:
        m, hand, colour = self._m, one.hand, self._colour(one.colour)
        joint = m.Vector3(x=0.006, y=0.006, z=0.006)
        return m.SceneEntity(
            timestamp=stamp,
            frame_id=frame_id,
            id=one.name,
            triangles=[
                m.TriangleListPrimitive(
                    points=self._points(hand.vertices),
                    indices=one.faces.ravel().tolist(),
                    color=self._colour(one.mesh_colour),
                )
            ],
            lines=[
                m.LinePrimitive(
                    type=m.LinePrimitiveLineType.LineList,
                    thickness=0.002,
                    points=self._points(one.bones_3d.reshape(-1, 3)),
                    color=colour,
                )
            ],
            spheres=[m.SpherePrimitive(pose=self._pose(at), size=joint, color=colour) for at in hand.joints_3d],
            arrows=self._axes(one),
            texts=[
                m.TextPrimitive(
                    pose=self._pose(hand.translation), billboard=True, font_size=0.02, color=colour, text=one.label
                )
            ],
        )

    def _axes(self, one: ShownHand) -> list[Any]:
        if one.wrist is None:
            return []
        turns = [np.roll(one.wrist, -axis, axis=1) for axis in range(3)]  # an arrow points along its x
        return [
            self._m.ArrowPrimitive(
                pose=self._pose(one.hand.translation, quaternion(turn)),
                shaft_length=0.8 * AXIS,
                shaft_diameter=0.004,
                head_length=0.2 * AXIS,
                head_diameter=0.008,
                color=self._colour(colour),
            )
            for turn, colour in zip(turns, AXIS_COLOURS, strict=True)
        ]

    def _points(self, points: np.ndarray) -> list[Any]:
        point = self._m.Point3
        return [point(x=x, y=y, z=z) for x, y, z in points.tolist()]

    def _pose(self, position: np.ndarray, turn: np.ndarray | None = None) -> Any:
        turned = self._quaternion(np.array([0.0, 0.0, 0.0, 1.0]) if turn is None else turn)
        return self._m.Pose(position=self._m.Vector3(**_xyz(position)), orientation=turned)

    def _quaternion(self, turn: np.ndarray) -> Any:
        x, y, z, w = turn.tolist()
        return self._m.Quaternion(x=x, y=y, z=z, w=w)

    def _colour(self, rgb: tuple[int, int, int]) -> Any:
        r, g, b = (value / 255 for value in rgb)
        return self._m.Color(r=r, g=g, b=b, a=1.0)


def _xyz(point: np.ndarray) -> dict[str, float]:
    return dict(zip("xyz", np.asarray(point, np.float64).tolist(), strict=True))
