"""HandPredictor: one image and its camera in, a list of Hand out, on ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from handos_model.camera import Camera
from handos_model.hand import Hand
from handos_model.io.frame import checked_frame
from handos_model.options import Adjustable, Option, between, one_of, whole
from handos_model.prediction.image_network import ImageNetwork
from handos_model.prediction.placing import placed
from handos_model.prediction.seen_hands import SeenHands
from handos_model.prediction.session import SessionOptions
from handos_model.prediction.view_network import SEARCHES, ViewNetwork, is_of_a_pair
from handos_model.template.embedded import EMBEDDED_NAME
from handos_model.template.hand_template import HandTemplate
from handos_model.template.load import load_template

EMBEDDED_WEIGHTS = Path(__file__).parents[1] / "weights" / "handos_small.find.onnx"
"""Path of the embedded pair; each file has its SHA-256 next to it."""
MAX_PASSES = 5


class HandPredictor(Adjustable):
    """Finds hands in single images.

    weights: either file of a pair NAME.find.onnx and NAME.see.onnx, or an ONNX file of `handos export`; the
    embedded pair when None. A pair finds hands in the image at `size` px and sees each in a view of its own, cut
    from the full image; where NAME.see.int8.onnx lies beside, CPUs made for it see followed hands with that.
    device: "auto" (CUDA where there is one), "cpu", "cuda" or "tensorrt", whose engines are kept in
    session.engine_cache(). size: long edge in px that images are resized to. score_threshold: hands below are
    dropped; size and score_threshold come from the weights when None. hand_scale: size of the user's hand relative
    to a mean adult's, which scales every length of the result. threads: CPU threads, ONNX Runtime's choice when
    None. template: the hand template that the weights were trained on, or its file as load_template takes it, such
    as the user's MANO_RIGHT.pkl; the embedded one when None. spinning: between two images the threads busy-wait for
    work, which gives results sooner if nothing else runs, but slows down whatever else does. search: "thorough"
    always looks for small hands in parts of the image as well, "fast" only if no near hand is seen. passes: how
    often each hand is seen, each time in the view that follows from the previous one; from 2 on, the last pass also
    sees the mirrored view. search and passes are for pairs. size, score_threshold, hand_scale, search and passes may be
    set later, too. Wrong values raise ValueError, other names AttributeError, a missing file FileNotFoundError.
    """

    size = Option(whole(64, 4096, "px"))
    score_threshold = Option(between(0, 1))
    hand_scale = Option(between(0.2, 5))
    search = Option(one_of(SEARCHES))
    passes = Option(whole(1, MAX_PASSES))

    def __init__(
        self,
        weights: str | Path | None = None,
        device: str = "auto",
        size: str | int | None = None,
        score_threshold: float | None = None,
        hand_scale: float = 1.0,
        threads: int | None = None,
        template: HandTemplate | str | Path | None = None,
        spinning: bool = True,
        search: str = "fast",
        passes: int = 2,
    ) -> None:
        self.network = _open_network(weights, SessionOptions(device, threads, spinning))
        self.name, self.version = (self.network.metadata[key] for key in ("name", "version"))
        self.provider = self.network.provider
        self.size = self.network.metadata["size"] if size is None else size
        self.score_threshold = self.network.score_threshold if score_threshold is None else score_threshold
        self.hand_scale, self.search, self.passes = hand_scale, search, passes
        self.template = template if isinstance(template, HandTemplate) else load_template(template)
        if (trained_on := self.network.metadata["template"]) != self.template.name:
            needed = "none" if trained_on == EMBEDDED_NAME else "the file of that one"
            raise ValueError(
                f"weights file {self.network.weights} was trained on the hand template {trained_on}, not on "
                f"{self.template.name}: give {needed} as template"
            )
        self._made = True

    @property
    def network_seconds(self) -> float:
        """Seconds that all predictions so far have spent in the network."""
        return self.network.seconds

    def predict(self, image: np.ndarray, camera: Camera | None = None) -> list[Hand]:
        """The hands in an image (H, W, 3) uint8 RGB, best score first.

        camera: the camera of this image; Camera.from_fov's guess when None. Raises ValueError for another kind of array
        and for a camera of another image size or with focal lengths that are not in pixels.
        """
        image, camera = checked_frame(image, camera)
        seen = self.network.hands(image, self.size, self.score_threshold, self.search, self.passes)
        return [hand for hand in self.placed(seen, camera) if hand is not None]

    def placed(self, seen: SeenHands, camera: Camera) -> list[Hand | None]:
        """The hands that the network sees, in metres in the camera's frame; None for one that no lens could show."""
        return placed(seen, camera, self.template, self.hand_scale, self.network.shrinkage)


def _open_network(weights: str | Path | None, options: SessionOptions) -> ImageNetwork | ViewNetwork:
    if weights is None:
        return ViewNetwork(EMBEDDED_WEIGHTS, options, embedded=True)
    path = Path(weights)
    return ViewNetwork(path, options) if is_of_a_pair(path) else ImageNetwork(path, options)
