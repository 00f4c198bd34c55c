"""A follower on the disc network whose searches and views are counted."""

from __future__ import annotations

from disc_network import write_pair

from handos_model import HandFollower, HandPredictor, HandTracker
from handos_model.tracking.tracker import TrackerOptions

STEP = 1 / 30


class Watched:
    """A follower whose searches and views are counted frame by frame."""

    def __init__(self, tmp_path, **options):
        threshold = options.pop("score_threshold", None)
        predictor = HandPredictor(write_pair(tmp_path), "cpu", score_threshold=threshold)
        tracker = HandTracker(options.pop("tracker_options", TrackerOptions(smoothing=False)))
        self.follower = HandFollower(predictor, tracker, **options)
        self.searches, self.views, self.stamp = [], [], 0.0
        find, see = predictor.network.find, predictor.network.see
        predictor.network.find = lambda image, window: self.searches[-1].append(window) or find(image, window)
        predictor.network.see = lambda image, view, **how: self.views[-1].append(view) or see(image, view, **how)

    def __call__(self, image, step=STEP, **arguments):
        self.stamp += step
        self.searches.append([])
        self.views.append([])
        hands = self.follower.follow(image, self.stamp, **arguments)
        assert len(self.searches[-1]) <= 1
        return hands
