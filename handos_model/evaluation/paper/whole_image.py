"""Hands as the paper evaluates them: a network over the whole image, of either stage, as ONNX file or checkpoint.

HandPredictor prepares hands for robots: it merges results that are one hand, leaves out hands behind the camera and
calls a doubtful side "unknown". The paper does nothing of the kind, so it is not done here.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from handos_model.camera import Camera
from handos_model.hand import Hand, joints_box
from handos_model.prediction.letterbox import letterbox, to_network, to_source, views_to_source
from handos_model.prediction.placing import network_translation, view_rotation
from handos_model.template.hand_template import HandTemplate, signed_volume
from handos_model.translation_fit import fit_translation

Outputs = dict[str, np.ndarray]


class Network(Protocol):
    """Anything that runs a network over a whole image, such as a HandSession."""

    metadata: dict[str, str]
    outputs: tuple[str, ...]

    def run(self, image: np.ndarray) -> Outputs:
        """The outputs for a letterboxed image (H, W, 3) uint8."""


class BoxNetwork(Network, Protocol):
    """A network whose detector can be asked and overruled, such as a TrainedNetwork of training.trained."""

    def run_boxes(self, image: np.ndarray, boxes: np.ndarray) -> Outputs:
        """The outputs for the hands in boxes (N, 4) xyxy px, in their order."""

    def detections(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (Q, 4) xyxy px and scores (Q,) of all that the detector sees."""


class WholeImagePredictor:
    """Predicts from a network alone. size: long edge in px; threshold: least score; by default the weights' own."""

    def __init__(
        self, network: Network, template: HandTemplate, size: int | None = None, threshold: float | None = None
    ) -> None:
        if network.metadata["template"] != template.name:
            raise ValueError(
                f"the weights were trained on the hand template {network.metadata['template']}, not on {template.name}"
            )
        self.network, self.template = network, template
        self.size = int(network.metadata["size"] if size is None else size)
        self.threshold = float(network.metadata["score_threshold"] if threshold is None else threshold)

    @property
    def flat(self) -> bool:
        """Whether the network is of stage 2d: its hands have no third dimension, which is NaN."""
        return "vertices" not in self.network.outputs

    def predict(self, image: np.ndarray, camera: Camera | None = None) -> list[Hand]:
        """Hands in an image (H, W, 3) uint8 RGB whose score reaches the threshold, best first."""
        canvas, scale = letterbox(image, self.size)
        outputs = self.network.run(canvas)
        # The graph always decodes one candidate; if there is none, it has a score of 0.
        kept = np.flatnonzero((outputs["scores"] >= self.threshold) & (outputs["scores"] > 0))
        kept = kept[np.argsort(-outputs["scores"][kept], kind="stable")]
        return self._hands({name: values[kept] for name, values in outputs.items()}, scale, _camera(image, camera))

    def _hands(self, outputs: Outputs, scale: np.ndarray, camera: Camera) -> list[Hand]:
        joints_2d = to_source(outputs["joints_2d"], scale).astype(np.float32)
        joints, vertices, fitted, by_network = self._placed(outputs, joints_2d, scale, camera)
        hands = []
        for i, score in enumerate(outputs["scores"].tolist()):
            volume = float(signed_volume(vertices[i].astype(np.float64), self.template.faces))
            side = "unknown" if self.flat else "right" if volume > 0 else "left"
            values = (joints_box(joints_2d[i]), joints_2d[i], outputs["joint_confidence"][i])
            place = (joints[i] + fitted[i], vertices[i] + fitted[i], fitted[i], by_network[i])
            hands.append(Hand(score, side, float(side != "unknown"), *values, *place))
        return hands

    def _placed(
        self, outputs: Outputs, joints_2d: np.ndarray, scale: np.ndarray, camera: Camera
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """In the camera's axes: joints (N, 21, 3) and vertices (N, V, 3) m from the wrist; and the wrist (N, 3), first
        as it fits the 2D joints, then as the network gives it."""
        n = len(joints_2d)
        if self.flat:
            points, place = np.full((n, 21, 3), np.nan), np.full((n, 3), np.nan)
            return points, np.full((n, len(self.template.vertices), 3), np.nan), place, place
        views = views_to_source(outputs["view"], scale)
        rotation = view_rotation(views, camera)  # (N, 3, 3)
        joints, vertices = (outputs[name] @ rotation.transpose(0, 2, 1) for name in ("joints_3d", "vertices"))
        by_network = network_translation(outputs["translation"], views, rotation, camera)
        fitted, solved = fit_translation(joints, camera.normalise(joints_2d), outputs["joint_confidence"])
        return joints, vertices, np.where(solved[:, None], fitted, by_network), by_network


class BoxPredictor(WholeImagePredictor):
    """A WholeImagePredictor that also predicts in given boxes, and says what its detector sees."""

    network: BoxNetwork

    def __init__(
        self, network: BoxNetwork, template: HandTemplate, size: int | None = None, threshold: float | None = None
    ) -> None:
        super().__init__(network, template, size, threshold)

    def predict_boxes(self, image: np.ndarray, boxes: np.ndarray, camera: Camera | None = None) -> list[Hand]:
        """The hand in each of boxes (N, 4) xyxy px, whatever its score (paper, Table X: "w/ GT box")."""
        canvas, scale = letterbox(image, self.size)
        corners = to_network(np.asarray(boxes, np.float64).reshape(-1, 2, 2), scale).reshape(-1, 4)
        outputs = self.network.run_boxes(canvas, corners)
        return self._hands(outputs, scale, _camera(image, camera))

    def detections(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (Q, 4) xyxy px and scores (Q,) of all that the detector sees in an image."""
        canvas, scale = letterbox(image, self.size)
        boxes, scores = self.network.detections(canvas)
        return to_source(boxes.reshape(-1, 2, 2), scale).reshape(-1, 4), scores


def _camera(image: np.ndarray, camera: Camera | None) -> Camera:
    return Camera.from_fov(image.shape[1], image.shape[0]) if camera is None else camera
