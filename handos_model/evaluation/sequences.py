"""Steadiness over the frames of a video: jitter, and how constant a hand's shape is. The paper reports neither."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from handos_model.data.sample import Sample
from handos_model.evaluation import metrics
from handos_model.evaluation.scoring import Figures
from handos_model.hand import Hand

UNKNOWN = np.full((21, 3), np.nan)


@dataclass(frozen=True)
class _Moment:
    """One labelled hand in one frame: what was found (NaN where missed) and its label (NaN where it has none)."""

    number: int
    joints_2d: np.ndarray  # (21, 2) px
    joints_3d: np.ndarray  # (21, 3) m, camera frame
    label_2d: np.ndarray  # (21, 2) px
    label_3d: np.ndarray  # (21, 3) m


@dataclass
class Sequences:
    """Collects the hands of videos. A track is the hands of one sequence and one labelled side, in the labels' order
    where a frame has several of a side."""

    tracks: dict[tuple[str, int, int], list[_Moment]] = field(default_factory=lambda: defaultdict(list))

    def add(self, sequence: str, number: int, sample: Sample, i: int, hand: Hand | None) -> None:
        """Adds hand `i` of the sample, in frame `number`, and the hand that was found for it, or None."""
        same_side = int((sample.side[:i] == sample.side[i]).sum())
        label = sample.joints_2d[i].astype(np.float64)
        known = sample.has_3d[i] and sample.absolute and hand is not None
        self.tracks[sequence, int(sample.side[i]), same_side].append(
            _Moment(
                number=number,
                joints_2d=UNKNOWN[:, :2] if hand is None else hand.joints_2d,
                joints_3d=UNKNOWN if hand is None else hand.joints_3d,
                label_2d=np.where((label[:, 2:] > 0) & (hand is not None), label[:, :2], np.nan),
                label_3d=sample.joints_3d[i] if known else UNKNOWN,
            )
        )

    def figures(self) -> Figures:
        """jitter_2d (px), jitter_3d (mm): over runs of three successive frames with the hand, and beside them that of
        the labels in the same frames, which is real motion; bone_spread (mm) and bone_spread_share: mean over tracks
        of two found frames or more. Those that no frame speaks of are absent."""
        figures: Figures = {}
        for name, unit in (("joints_2d", 1), ("label_2d", 1), ("joints_3d", 1000), ("label_3d", 1000)):
            runs = [self._with_gaps(moments, name) for moments in self.tracks.values()]
            jitter = metrics.jitter(np.concatenate(runs)) if runs else np.nan
            if np.isfinite(jitter):
                what, dimensions = name.split("_")
                figures[f"jitter_{dimensions}{'_of_labels' if what == 'label' else ''}"] = unit * jitter
        tracks = [np.array([m.joints_3d for m in moments]) for moments in self.tracks.values()]
        tracks = [joints[np.isfinite(joints).all((1, 2))] for joints in tracks]
        spreads = [metrics.bone_spread(joints) for joints in tracks if len(joints) > 1]
        if spreads:
            absolute, relative = np.mean(spreads, axis=0)
            figures |= {"bone_spread": 1000 * float(absolute), "bone_spread_share": float(relative)}
        return figures

    @staticmethod
    def _with_gaps(moments: list[_Moment], name: str) -> np.ndarray:
        """Joints (T, 21, 2 or 3) in the order of frames, with a row of NaN wherever a frame number is left out."""
        rows: list[np.ndarray] = []
        last = None
        for moment in sorted(moments, key=lambda m: m.number):
            value = getattr(moment, name)
            if last is None or moment.number != last + 1:
                rows.append(np.full_like(value, np.nan, np.float64))
            rows.append(value)
            last = moment.number
        return np.array(rows)
