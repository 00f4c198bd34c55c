"""ViewNetwork: `find` says where hands may be in an image, `see` looks at each of them in its own view."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from handos_model.prediction.letterbox import letterbox, views_to_source
from handos_model.prediction.seen_hands import SeenHands, agreed, joined
from handos_model.prediction.session import OnnxSession, SessionOptions
from handos_model.prediction.views import SIZE, cut_view, from_view, shows_the_same, unclaimed, view_of_joints
from handos_model.prediction.windows import Window, half, parts, whole

FIND_OUTPUTS = ("scores", "views")
SEE_OUTPUTS = ("presence", "joints_2d", "joint_confidence", "joints_3d", "vertices", "translation", "right")
METADATA = ("name", "version", "template", "pair")
FIND, SEE, SEE_IN_8_BITS = PARTS = (".find", ".see", ".see.int8")
"""Endings of the names of a pair's files, before .onnx. The third one need not be there: it sees followed hands on CPUs
that are made for it."""
LEAST_SHRINKAGE = 0.5
"""No network draws hands at less than half their size in the image, nor at more than twice."""
SMALLEST_VIEW = 8.0
"""px of the image: smaller views show nothing."""
WORTH_ANOTHER_LOOK = 0.5
"""Fraction of the least score: a hand that scores less in its first view gets no second one."""
BEYOND_DOUBT = 0.98
"""Minimum score of a hand that is beyond doubt: neither is it looked for again in a still image, nor is any part of it
taken for another hand."""
PATIENCE = 6
"""Number of consecutive views without a hand after which a window's other views are skipped."""
SEARCHES = ("fast", "thorough")
"""How still images are searched: "fast" looks for small hands in parts of the image only if it sees no near hand."""
NEAR_HAND = 0.12
"""Size of the view of a near hand, as a fraction of the image's long edge. Other hands next to it are rarely small."""
PART_ODDS = 4.0


class ViewNetwork:
    """A pair of graphs: one from uint8 images to candidates, one from views of these to hands.

    Raises FileNotFoundError if one of the two is missing, ValueError as OnnxSession does and if they are not a pair.
    """

    def __init__(self, weights: Path, options: SessionOptions, embedded: bool = False) -> None:
        """weights: either file of the pair; the other one lies next to it."""
        find, see = pair_of(weights)
        self.weights = weights
        self._find = OnnxSession(find, ("size", "find_threshold", *METADATA), options, embedded)
        self._find.require(FIND_OUTPUTS)
        self._see = self._opened_see(see, options, embedded)
        in_8_bits = see.with_name(f"{see.name.removesuffix(f'{SEE}.onnx')}{SEE_IN_8_BITS}.onnx")
        fast = options.in_8_bits and in_8_bits.is_file()
        self._see_followed = self._opened_see(in_8_bits, options, embedded) if fast else self._see
        self.metadata = self._find.metadata | self._see.metadata
        self.find_threshold = self._find.number("find_threshold")
        self.score_threshold = self._see.number("score_threshold")
        self.shrinkage = self._see.number("shrinkage")
        """By how much hands are larger in the image than their joints_2d, as far as their distance is concerned."""
        if not LEAST_SHRINKAGE <= self.shrinkage <= 1 / LEAST_SHRINKAGE:
            allowed = f"must be {LEAST_SHRINKAGE:g} to {1 / LEAST_SHRINKAGE:g}"
            raise ValueError(f"weights file {see.name} has shrinkage {self.shrinkage:g} in its metadata, {allowed}")
        self.provider = self._see.provider

    def _opened_see(self, path: Path, options: SessionOptions, embedded: bool) -> OnnxSession:
        """Opens a see graph, which must belong to the find graph."""
        see = OnnxSession(path, ("score_threshold", "shrinkage", *METADATA), options, embedded)
        see.require(SEE_OUTPUTS, hands=1)
        for key in METADATA:
            ours, theirs = self._find.metadata[key], see.metadata[key]
            if ours != theirs:
                differ = f"{key} is {ours!r} in one, {theirs!r} in the other"
                raise ValueError(f"weights files {self._find.path} and {path.name} are not a pair: {differ}")
        return see

    @property
    def seconds(self) -> float:
        """Seconds spent in ONNX Runtime so far."""
        return sum(session.seconds for session in {self._find, self._see, self._see_followed})

    def find(self, image: np.ndarray, window: Window) -> np.ndarray:
        """Views (N, 4) of the source image in which one of its windows may show a hand, best first."""
        canvas, scale = letterbox(image[window.y0 : window.y1, window.x0 : window.x1], window.size)
        outputs = self._find.run(canvas)
        kept = (outputs["scores"] >= max(self.find_threshold, 1e-6)) & np.isfinite(outputs["views"]).all(axis=1)
        order = np.argsort(-outputs["scores"][kept], kind="stable")
        views = views_to_source(outputs["views"][kept][order], scale)
        views[:, :2] += (window.x0, window.y0)
        inside = ((views[:, :2] >= -0.5) & (views[:, :2] < image.shape[1::-1])).all(axis=1)
        return views[inside & (views[:, 2] >= SMALLEST_VIEW)]

    def see(self, image: np.ndarray, view: np.ndarray, mirrored: bool = False, followed: bool = False) -> SeenHands:
        """The hand in a view (4,) of an image, whatever its score; none if the network returns numbers not finite.

        mirrored: show the network the view's mirror image; the hand is returned unmirrored. followed: it is a known
        hand in a known place, so the 8-bit graph, if there is one, sees it just as well.
        """
        shown, network = cut_view(image, view), self._see_followed if followed else self._see
        outputs = network.run(np.ascontiguousarray(shown[:, ::-1]) if mirrored else shown)
        shape = outputs["joints_3d"], outputs["vertices"]
        hand = SeenHands(
            outputs["presence"], outputs["joints_2d"], outputs["joint_confidence"].clip(0, 1), *shape, view[None],
            outputs["translation"], outputs["right"],
        ).finite()  # fmt: skip
        if mirrored:
            hand = hand.mirrored(SIZE)
        return replace(hand, joints_2d=from_view(hand.joints_2d, view))

    def look(self, image: np.ndarray, view: np.ndarray, passes: int, threshold: float) -> SeenHands:
        """The hand in a view of an image after `passes` looks, each in the view around the joints seen by the last.

        The final look, unless it is the only one, also sees the mirrored view, and the hand is what both agree on. A
        hand that scores too little along the way gets no further look.
        """
        least = WORTH_ANOTHER_LOOK * threshold
        hand = self.see(image, view)
        for _ in range(1, passes):
            if not is_worth_another_look(hand, least):
                return hand
            view = view_of_joints(hand.joints_2d[0])
            hand = self.see(image, view)
        if passes == 1 or not is_worth_another_look(hand, least):
            return hand
        mirrored = self.see(image, view, mirrored=True)
        return agreed(hand, mirrored) if len(mirrored) else hand

    def look_at(
        self, image: np.ndarray, views: Iterable[np.ndarray], passes: int, threshold: float
    ) -> tuple[list[SeenHands], list[np.ndarray]]:
        """The hands in views (best first) whose score reaches the threshold, and the views that showed none.

        Gives up after PATIENCE consecutive views without a hand: those that follow are even less likely to show one.
        """
        seen: list[SeenHands] = []
        refused: list[np.ndarray] = []
        missed = 0
        shown: list[np.ndarray] = []
        for view in views:
            if any(shows_the_same(view, other) for other in shown):
                continue
            hand = self.look(image, view, passes, threshold)
            if len(hand) and hand.scores[0] >= max(threshold, 1e-6):
                seen.append(hand)
                shown.append(view_of_joints(hand.joints_2d[0]))
                missed = 0
            else:
                refused.append(view)
                missed += 1
            if missed == PATIENCE:
                break
        return seen, refused

    def hands(self, image: np.ndarray, size: int, threshold: float, search: str, passes: int) -> SeenHands:
        """Distinct hands of one image whose score reaches the threshold, best first.

        size: px of its long edge; search: one of SEARCHES. If a hand is in doubt or none is seen, it also searches at
        half the size: the network often sees another view of the same hand better.
        """
        height, width = image.shape[:2]
        seen = self._hands_in(image, [whole(width, height, size)], threshold, passes, [])
        sure = [hand for hand in seen if hand.scores[0] >= BEYOND_DOUBT]
        doubtful = [hand for hand in seen if hand.scores[0] < BEYOND_DOUBT]
        if doubtful or not seen:
            seen = doubtful + self._hands_in(image, [half(width, height, size)], threshold, passes, sure)
        near = NEAR_HAND * max(width, height)
        if search == "thorough" or all(hand.views[0, 2] < near for hand in seen):
            seen = self._hands_in(image, parts(width, height, size), stricter(threshold), passes, seen)
        return joined(seen).distinct()

    def _hands_in(
        self, image: np.ndarray, windows: list[Window], threshold: float, passes: int, seen: list[SeenHands]
    ) -> list[SeenHands]:
        """The hands already seen, followed by those of each window."""
        for window in windows:
            views = unclaimed(self.find(image, window), *known_views(joined(seen)))
            seen = seen + self.look_at(image, views, passes, threshold)[0]
        return seen


def known_views(seen: SeenHands) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Views of the hands that are beyond doubt, and of the others."""
    views, sure = [view_of_joints(joints) for joints in seen.joints_2d], seen.scores >= BEYOND_DOUBT
    return [views[i] for i in np.flatnonzero(sure)], [views[i] for i in np.flatnonzero(~sure)]


def is_worth_another_look(hand: SeenHands, least: float) -> bool:
    """Whether there is a hand whose score is at least this."""
    return bool(len(hand) and hand.scores[0] >= least)


def stricter(threshold: float) -> float:
    """The threshold in a part of the image, at PART_ODDS times the odds: there are many more places to be wrong."""
    return PART_ODDS * threshold / (1 + (PART_ODDS - 1) * threshold)


def pair_of(weights: Path) -> tuple[Path, Path]:
    """The files of find and see, from any one of a pair; ValueError for any other name."""
    for part in PARTS:
        if weights.name.endswith(f"{part}.onnx"):
            stem = weights.name.removesuffix(f"{part}.onnx")
            return weights.with_name(f"{stem}{FIND}.onnx"), weights.with_name(f"{stem}{SEE}.onnx")
    raise ValueError(
        f"weights file {weights} does not belong to a pair: its name must end in {FIND}.onnx or {SEE}.onnx"
    )


def is_of_a_pair(weights: Path) -> bool:
    """Whether a file is named as one of a pair."""
    return weights.name.endswith(tuple(f"{part}.onnx" for part in PARTS))
