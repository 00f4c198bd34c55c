"""HandFollower: the hands of one camera, frame after frame, each looked for near its place in the last frame."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from handos_model.camera import Camera
from handos_model.hand import Hand
from handos_model.io.frame import checked_frame, checked_stamp
from handos_model.options import Adjustable, Option, between, whole
from handos_model.prediction.depth_fit import NotMeasured, fit_to_depth
from handos_model.prediction.predictor import HandPredictor
from handos_model.prediction.seen_hands import SeenHands, joined
from handos_model.prediction.view_network import SMALLEST_VIEW, ViewNetwork, known_views
from handos_model.prediction.views import MAX_OVERLAP, overlap, unclaimed, view_of_joints
from handos_model.tracking.search import Search
from handos_model.tracking.tracker import HandTracker

SEARCH_RATE = 5.0
"""Rate in Hz of searches for further hands while some are followed."""
KEPT = 0.5
"""Least score of a followed hand, as a fraction of the least score of a new one."""
SURE = 0.8
"""Score from which on a new hand is reported immediately; others are reported once they are seen a second time."""
SETTLING = 3
"""Passes in which a new hand is seen. With fewer, its depth differs by up to 2 % from that of the next frames, and if
there is a depth image, the size of the hand is measured from it."""
FARTHEST = 0.6
"""Distance between the centre of a view and that of the hand seen in it, as a fraction of the view's size, beyond which
it is another hand."""
OFF_CENTRE = 0.12
"""Such a distance beyond which a hand is looked at again, in the view around it: so far from the centre of a view, its
joints are off by two to three times as much."""
GROWTH = 2.0
"""Largest factor by which a hand's view may grow or shrink from one frame to the next."""
STILL = 0.04
"""Motion, as a fraction of a view's size and in rad, below which a hand is seen in the same view again, so that it does
not tremble."""
LONGEST_STEP = 0.5
"""Largest distance, as a fraction of a view's size, by which motion shifts an expected view."""
SHORTEST_STEP = 0.015
"""Least s over which a velocity is measured: frames that arrive in bursts seem to come within 1 ms of each other."""
MAX_LOOKS = 3
"""Number of places that one search looks at while hands are followed."""
REFUSED = 16
"""Number of places without a hand that are remembered, the latest ones."""

Depth = Callable[[], np.ndarray | None]


@dataclass
class Followed:
    """A hand of the last frame."""

    view: np.ndarray  # (4,): the view in which it is seen next, if it does not move
    place: np.ndarray  # (2,) px: where it was when its velocity was last measured
    since: float  # s, the stamp of that frame
    velocity: np.ndarray  # (2,) px / s
    reported: bool  # if not, it is only remembered until it is seen a second time


class HandFollower(Adjustable):
    """Finds hands once and then tracks them. It is for a single camera: each camera needs its own.

    predictor: estimates hands; if its network has no views, every frame is processed from scratch. tracker: assigns
    ids, sides and sizes and smooths the motion; by default one with default options. search_rate: Hz. max_hands: 0 for
    no limit; tracked hands have priority over new ones. mirrored: images, depth and camera are those of a mirror, as of
    selfies; pixels of hands are then those of the images, sides and metres those of the real hands. tracking: if False,
    every frame is processed like a still image and hands have no ids. All but the first two, and the options of the
    predictor, may be changed between two frames; `mirrored` before the first one. Wrong values raise ValueError, other
    names AttributeError.
    """

    search_rate = Option(between(0, math.inf))
    max_hands = Option(whole(0))

    def __init__(
        self,
        predictor: HandPredictor,
        tracker: HandTracker | None = None,
        search_rate: float = SEARCH_RATE,
        max_hands: int = 0,
        mirrored: bool = False,
    ) -> None:
        self.predictor = predictor
        self.tracker = HandTracker(faces=predictor.template.faces) if tracker is None else tracker
        self.tracking, self.mirrored = True, mirrored
        self.search_rate, self.max_hands = search_rate, max_hands
        self.problem = ""
        """Why depth measured no hand of the last frame; empty if it measured one, or if hands or depth were missing."""
        self._search = Search()
        self._followed: list[Followed] = []
        self._anew = True  # nothing is remembered, as before the first frame
        self._refused: deque[np.ndarray] = deque(maxlen=REFUSED)
        self._stamp = -math.inf
        self._size = (0, 0)  # px, width and height
        self._hand_scale = predictor.hand_scale
        self._made = True

    def reset(self) -> None:
        """Forgets all hands, as before another video."""
        self.tracker.reset()
        self._forget()

    def follow(
        self, image: np.ndarray, stamp: float, camera: Camera | None = None, depth: Depth | None = None
    ) -> list[Hand]:
        """The hands in an image (H, W, 3) uint8 RGB, best score first; stamp in s.

        camera: as for HandPredictor.predict. depth: a function that returns the depth image (H, W) m that belongs to
        it, or None; it is called after the network has run. Raises ValueError as HandPredictor.predict and
        HandTracker.update do; a depth image that cannot be used is a `problem`, not an error.
        """
        image, camera = checked_frame(image, camera)
        if depth is not None and not callable(depth):
            raise ValueError(f"depth is {type(depth).__name__}, must be a function that returns it: lambda: depth")
        stamp = checked_stamp(stamp)
        if self.mirrored:
            image, camera = np.ascontiguousarray(image[:, ::-1]), camera.mirrored()
        seen, before = self._see(image, stamp)
        all_hands = self.predictor.placed(seen, camera)
        everything = zip(all_hands, before, seen.views, strict=True)
        rows = [(hand, old, view) for hand, old, view in everything if hand is not None]
        if self.max_hands:
            rows = rows[: self.max_hands]
        self._followed = [self._remembered(*row, stamp) for row in rows]
        self._stamp, self._anew = stamp, False
        reported = [hand for (hand, *_), remembered in zip(rows, self._followed, strict=True) if remembered.reported]
        hands = sorted(reported, key=lambda hand: -hand.score)
        hands = self._measured(hands, camera, depth)
        hands = self.tracker.update(hands, stamp) if self.tracking else hands
        return [hand.flipped(camera.width) for hand in hands] if self.mirrored else hands

    def _see(self, image: np.ndarray, stamp: float) -> tuple[SeenHands, list[Followed | None]]:
        """Distinct hands, followed ones first, then new ones by score; and each one's Followed, None if it is new."""
        predictor, network = self.predictor, self.predictor.network
        if predictor.hand_scale != self._hand_scale:
            self.tracker.forget_sizes()
            self._hand_scale = predictor.hand_scale
        height, width = image.shape[:2]
        if self._size != (width, height) or not self.tracking:
            self.reset()  # what the tracker knows is in pixels of the last frames, and of hands that had ids
        self._size = (width, height)
        if not isinstance(network, ViewNetwork) or not self.tracking:
            self._forget()
            seen = network.hands(image, predictor.size, predictor.score_threshold, predictor.search, predictor.passes)
            return seen, [None] * len(seen)
        if not self.tracker.continues(stamp):
            self._forget()
        seen, before = self._see_followed(network, image, stamp)
        if self.max_hands and len(seen) >= self.max_hands:
            return seen, before
        window = self._search.window(width, height, predictor.size, stamp, len(seen), self.search_rate)
        if window is not None:
            known = known_views(seen)
            new = self._new_hands(network, image, unclaimed(network.find(image, window), *known), not len(seen))
            # A look may have moved on to a hand that is known, or to the fingers of one.
            own = [bool(unclaimed(view_of_joints(joints)[None], *known)) for joints in new.joints_2d]
            new = new.where(np.array(own, bool))
            count, both = len(seen), joined([seen, new])
            kept = both.kept(list(range(len(both))))
            for i in kept:
                if i >= count:
                    self._search.found(both.views[i])
            seen, before = both.take(kept), [before[i] if i < count else None for i in kept]
        return seen, before

    def _new_hands(
        self, network: ViewNetwork, image: np.ndarray, views: list[np.ndarray], none_known: bool
    ) -> SeenHands:
        """Distinct hands in the most promising of these views; those that showed none a moment ago come last."""
        least = self.predictor.score_threshold
        views = sorted(views, key=lambda view: any(overlap(view, other) > MAX_OVERLAP for other in self._refused))
        new, refused = network.look_at(image, views if none_known else views[:MAX_LOOKS], SETTLING, least)
        self._refused.extend(refused)
        return joined(new).distinct()

    def _see_followed(
        self, network: ViewNetwork, image: np.ndarray, stamp: float
    ) -> tuple[SeenHands, list[Followed | None]]:
        """The followed hands that are still there; if two see the same hand, the one that expected it best keeps it."""
        least = max(KEPT * self.predictor.score_threshold, 1e-6)
        found: list[tuple[float, SeenHands, Followed]] = []
        for hand in self._followed:
            view = self._expected(hand, stamp)
            now = network.see(image, view, followed=True)
            off = _displacement(view, now, least, image.shape)
            if OFF_CENTRE < off < FARTHEST:
                again = network.see(image, view_of_joints(now.joints_2d[0]), followed=True)
                now = again if _displacement(view, again, least, image.shape) < FARTHEST else now
            if off < FARTHEST:
                found.append((off, now, hand))
            elif hand.reported:
                self._search.miss(view, stamp)
        if not found and any(hand.reported for hand in self._followed):
            self._search.restart()  # all were lost at once: perhaps the scene has changed
        both = joined([now for _, now, _ in found])
        kept = both.kept(sorted(range(len(found)), key=lambda i: found[i][0]))
        for i in set(range(len(found))) - set(kept):
            self._search.miss(found[i][2].view, stamp)
        kept.sort()
        return both.take(kept), [found[i][2] for i in kept]

    def _expected(self, hand: Followed, stamp: float) -> np.ndarray:
        """The view of a hand of the last frame, shifted by its motion since."""
        step = hand.velocity * max(stamp - self._stamp, 0.0)
        length, most = math.hypot(*step.tolist()), LONGEST_STEP * float(hand.view[2])
        if length < STILL * hand.view[2]:
            return hand.view
        step = step * min(1.0, most / length)
        x, y = (hand.view[:2] + step).tolist()
        x, y = (min(max(value, 0.0), edge - 1.0) for value, edge in zip((x, y), self._size, strict=True))
        return np.array([x, y, *hand.view[2:]])

    def _remembered(self, hand: Hand, old: Followed | None, seen_in: np.ndarray, stamp: float) -> Followed:
        """Returns the data that the next frame needs about a hand that was seen in a view."""
        view = view_of_joints(hand.joints_2d)
        place, since, velocity = view[:2], stamp, np.zeros(2)
        if old is not None and stamp > self._stamp:
            if stamp - old.since < SHORTEST_STEP:
                place, since, velocity = old.place, old.since, old.velocity
            else:
                velocity = (place - old.place) / (stamp - old.since)
        reported = old is not None or self._anew or hand.score >= SURE
        return Followed(seen_in if _is_still(seen_in, view) else view, place, since, velocity, reported)

    def _measured(self, hands: list[Hand], camera: Camera, depth: Depth | None) -> list[Hand]:
        """The hands, moved to their measured depth where there is one."""
        self.problem = ""
        if depth is None or not hands:
            return hands
        try:
            image = depth()
            if image is None:
                return hands
            image = image[:, ::-1] if self.mirrored else image
            scaled, problems = [], []
            for hand in hands:
                try:
                    scaled.append(fit_to_depth(hand, image, camera))
                except NotMeasured as error:
                    scaled.append(hand)
                    problems.append(str(error))
        except Exception as error:  # a bad depth image does not make the colour image any worse
            self.problem = str(error)
            return hands
        if len(problems) == len(hands):
            self.problem = problems[0]
        return scaled

    def _forget(self) -> None:
        self._followed, self._anew = [], True
        self._refused.clear()
        self._search.restart()


def _displacement(view: np.ndarray, seen: SeenHands, least: float, shape: tuple[int, ...]) -> float:
    """Distance of a hand from the view where it was expected, in view sizes; infinite if it cannot be that or scores
    less than `least`."""
    if not len(seen) or seen.scores[0] < least:
        return math.inf
    now = view_of_joints(seen.joints_2d[0])
    inside = 0 <= now[0] < shape[1] and 0 <= now[1] < shape[0] and now[2] >= SMALLEST_VIEW
    if not inside or not view[2] / GROWTH < now[2] < view[2] * GROWTH:
        return math.inf
    return math.dist(now[:2].tolist(), view[:2].tolist()) / float(view[2])


def _is_still(old: np.ndarray, new: np.ndarray) -> bool:
    size = float(old[2])
    turned = math.remainder(float(new[3] - old[3]), math.tau)
    return (
        math.dist(old[:2].tolist(), new[:2].tolist()) < STILL * size
        and abs(new[2] - size) < STILL * size
        and (abs(turned) < STILL)
    )
