"""Every figure thrice: perfect, degenerate, computed by hand; alignment also against SciPy."""

import numpy as np
import pytest

from handos_model.evaluation import metrics
from handos_model.hand import BONES

SQUARE = np.array([[0, 0], [100, 0], [100, 50], [0, 50]], float)


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


def test_joints_extent_takes_only_labelled_joints() -> None:
    joints = np.array([[0, 0], [10, 20], [500, 500]], float)
    assert metrics.joints_extent(joints, [1, 1, 0]).tolist() == [0, 0, 10, 20]
    assert metrics.long_edge(metrics.joints_extent(joints)) == 500


@pytest.mark.parametrize(
    ("joints", "labelled", "message"),
    [
        (np.zeros((21, 3)), None, r"shape \(J, 2\), got \(21, 3\)"),
        (np.zeros((21, 2)), np.zeros(21), "at least one labelled joint"),
        (np.full((21, 2), np.nan), None, "finite"),
    ],
)
def test_joints_extent_refuses(joints: np.ndarray, labelled: np.ndarray | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.joints_extent(joints, labelled)


def test_box_iou_by_hand() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [1, 1, 1, 1]], float)
    iou = metrics.box_iou(boxes[:1], boxes)
    np.testing.assert_allclose(iou, [[1, 50 / 150, 0, 0]])
    assert metrics.box_iou(np.zeros((0, 4)), boxes).shape == (0, 4)
    with pytest.raises(ValueError, match=r"shape \(N, 4\)"):
        metrics.box_iou(np.zeros((2, 5)), boxes)


def test_match_gives_each_prediction_in_turn_to_the_free_label_that_it_overlaps_most() -> None:
    iou = np.array([[0.6, 0.2, 0.0], [0.9, 0.5, 0.0], [0.0, 0.0, 0.05]])
    assert metrics.match(iou, 0.1).tolist() == [1, 0, -1]
    assert metrics.match(iou, 0.55).tolist() == [-1, 0, -1]
    assert metrics.match(np.array([[0.4, 0.9, 0.95]]), 0.1).tolist() == [0]  # the best score, not the best fit
    assert metrics.match(np.zeros((2, 0)), 0.1).tolist() == [-1, -1]
    assert metrics.match(np.zeros((0, 3)), 0.1).tolist() == []


@pytest.mark.parametrize("minimum", [0, -1, 1.5])
def test_match_refuses_a_minimum_that_is_no_overlap(minimum: float) -> None:
    with pytest.raises(ValueError, match=f"got {minimum}"):
        metrics.match(np.zeros((1, 1)), minimum)
    with pytest.raises(ValueError, match=r"got \(3,\)"):
        metrics.match(np.zeros(3), 0.5)


def test_pck_perfect_missed_and_by_hand() -> None:
    labelled = np.ones(4)
    assert metrics.pck(SQUARE, SQUARE, labelled, 0.05) == 1.0
    assert metrics.pck(None, SQUARE, labelled, 0.05) == 0.0
    moved = SQUARE + [[10, 0], [10.1, 0], [0, 6], [0, 0]]  # the long edge is 100
    assert metrics.pck(moved, SQUARE, labelled, 0.1) == 3 / 4
    assert metrics.pck(moved, SQUARE, labelled, 0.05) == 1 / 4


def test_pck_counts_only_labelled_joints() -> None:
    pred = SQUARE.copy()
    pred[3] = [9999, 9999]
    assert metrics.pck(pred, SQUARE, [1, 1, 1, 0], 0.05) == 1.0
    with pytest.raises(ValueError, match="at least one labelled"):
        metrics.pck(pred, SQUARE, np.zeros(4), 0.05)
    with pytest.raises(ValueError, match="one shape"):
        metrics.pck(pred[:3], SQUARE, np.ones(4), 0.05)
    with pytest.raises(ValueError, match="finite"):
        metrics.pck(np.full((4, 2), np.nan), SQUARE, np.ones(4), 0.05)


def test_procrustes_undoes_scale_rotation_and_shift() -> None:
    rng = np.random.default_rng(1)
    target = rng.normal(size=(21, 3))
    pred = 3.7 * target @ random_rotation(rng).T + [1, -2, 5]
    np.testing.assert_allclose(metrics.procrustes(pred, target), target, atol=1e-12)


def test_procrustes_equals_scipy_when_no_reflection_is_better() -> None:
    scipy_spatial = pytest.importorskip("scipy.spatial")
    scipy_linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(2)
    for _ in range(20):
        target = rng.normal(size=(21, 3)) * 0.05 + [0.1, 0.2, 0.5]
        pred = 0.5 * (target + rng.normal(size=(21, 3)) * 0.01) @ random_rotation(rng).T + 1
        source, goal = pred - pred.mean(0), target - target.mean(0)
        rotation, scale = scipy_linalg.orthogonal_procrustes(source, goal)
        expected = source @ rotation * scale / (source**2).sum() + target.mean(0)
        np.testing.assert_allclose(metrics.procrustes(pred, target), expected, atol=1e-6)
        _, _, disparity = scipy_spatial.procrustes(target, pred)
        ours = (metrics.aligned_errors(pred, target) ** 2).sum() / (goal**2).sum()
        assert ours == pytest.approx(disparity, abs=1e-6)


def test_procrustes_does_not_mirror_and_beats_other_rotations() -> None:
    rng = np.random.default_rng(3)
    target = rng.normal(size=(21, 3))
    mirrored = target * [-1, 1, 1]
    best = (metrics.aligned_errors(mirrored, target) ** 2).sum()
    assert best > 1
    source, goal = mirrored - mirrored.mean(0), target - target.mean(0)
    for _ in range(200):
        turned = source @ random_rotation(rng).T
        scale = (turned * goal).sum() / (turned**2).sum()
        assert ((scale * turned - goal) ** 2).sum() >= best - 1e-9


def test_a_missed_hand_of_zeros_lands_on_the_centroid() -> None:
    target = np.array([[0, 0, 0], [2, 0, 0], [1, 3, 0], [1, -3, 0]], float)
    np.testing.assert_allclose(metrics.aligned_errors(np.zeros((4, 3)), target), [1, 1, 3, 3])


@pytest.mark.parametrize(
    ("pred", "target", "message"),
    [
        (np.zeros((21, 2)), np.zeros((21, 2)), "shape"),
        (np.zeros((20, 3)), np.zeros((21, 3)), "one shape"),
        (np.full((21, 3), np.inf), np.zeros((21, 3)), "finite"),
        (np.zeros((0, 3)), np.zeros((0, 3)), "at least 1"),
    ],
)
def test_procrustes_refuses(pred: np.ndarray, target: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.procrustes(pred, target)


def test_f_score_perfect_far_and_by_hand() -> None:
    line = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]], float)
    assert metrics.f_scores(line, line, [0.005, 0.015]).tolist() == [1, 1]
    assert metrics.f_scores(line + [0, 9, 0], line, [0.005]).tolist() == [0]
    half = line[:2] + [0.1, 0, 0]  # precision 1, recall 1/2
    assert metrics.f_scores(half, line, [0.11, 0.05]).tolist() == pytest.approx([2 / 3, 0])
    with pytest.raises(ValueError, match="at least 1"):
        metrics.f_scores(np.zeros((0, 3)), line, [0.1])


def test_f_score_equals_a_tree_search() -> None:
    scipy_spatial = pytest.importorskip("scipy.spatial")
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(300, 3)), rng.normal(size=(200, 3))
    near = (scipy_spatial.cKDTree(b).query(a)[0] <= 0.3).mean(), (scipy_spatial.cKDTree(a).query(b)[0] <= 0.3).mean()
    assert metrics.f_scores(a, b, [0.3])[0] == pytest.approx(2 * near[0] * near[1] / sum(near), abs=1e-6)


def test_auc_perfect_missed_and_by_hand() -> None:
    assert metrics.auc(np.zeros(21)) == 1.0
    assert metrics.auc(np.full(21, np.inf)) == 0.0
    # 3 thresholds 0, 25, 50 mm; shares 0, 1/2, 1 -> trapezoids 1/4 and 3/4
    assert metrics.auc(np.array([0.02, 0.04]), limit=0.05, steps=3) == pytest.approx(0.5)
    assert metrics.auc(np.full(5, 0.025)) == pytest.approx(0.5, abs=0.01)
    with pytest.raises(ValueError, match="NaN"):
        metrics.auc(np.array([np.nan]))
    with pytest.raises(ValueError, match="at least one"):
        metrics.auc(np.zeros(0))


def test_jitter_is_zero_for_steady_motion_and_skips_gaps() -> None:
    steady = np.arange(10, dtype=float)[:, None, None] * np.ones((1, 21, 2))
    assert metrics.jitter(steady) == 0.0
    shaking = np.zeros((5, 1, 2))
    shaking[1::2, 0] = [3, 4]  # 5 px to and fro: the second difference is 10 px
    assert metrics.jitter(shaking) == pytest.approx(10.0)
    shaking[4] = np.nan
    assert metrics.jitter(shaking) == pytest.approx(10.0)
    assert np.isnan(metrics.jitter(np.zeros((2, 21, 2))))
    assert np.isnan(metrics.jitter(np.full((9, 21, 2), np.nan)))
    with pytest.raises(ValueError, match="frames, joints"):
        metrics.jitter(np.zeros((9, 21)))


def test_procrustes_equals_scipy_where_a_reflection_would_be_better() -> None:
    rotations = pytest.importorskip("scipy.spatial.transform")
    rng = np.random.default_rng(5)
    for _ in range(20):
        target = rng.normal(size=(21, 3)) * 0.05
        pred = target * [-1, 1, 1] + rng.normal(size=(21, 3)) * 0.01 + [0.2, 0, 1]
        source, goal = pred - pred.mean(0), target - target.mean(0)
        rotation, _ = rotations.Rotation.align_vectors(goal, source)
        turned = rotation.apply(source)
        expected = (turned * goal).sum() / (source**2).sum() * turned + target.mean(0)
        np.testing.assert_allclose(metrics.procrustes(pred, target), expected, atol=1e-6)


def test_auc_equals_a_trapezoid_rule() -> None:
    integrate = pytest.importorskip("scipy.integrate")
    errors = np.random.default_rng(6).exponential(0.02, (50, 21))
    errors[:5] = np.inf
    thresholds = np.linspace(0, 0.05, 100)
    curve = [(errors <= threshold).mean() for threshold in thresholds]
    assert metrics.auc(errors) == pytest.approx(integrate.trapezoid(curve, thresholds) / 0.05, abs=1e-6)


def test_pck_of_joints_is_the_mean_over_joint_kinds() -> None:
    errors = np.array([[0.01, 0.2, 0.3], [np.inf, np.inf, np.nan]])
    everything = np.array([[True, True, True], [True, True, False]])
    assert metrics.pck_of_joints(errors, everything, 0.1) == pytest.approx((1 / 2 + 0 + 0) / 3)
    assert metrics.pck_of_joints(errors, everything, 0.3) == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)
    assert metrics.pck_of_joints(np.zeros((3, 21)), np.ones((3, 21), bool), 0.05) == 1.0
    assert metrics.pck_of_joints(errors, everything & [True, False, False], 0.1) == 1 / 2
    assert np.isnan(metrics.pck_of_joints(errors, np.zeros((2, 3), bool), 0.1))
    with pytest.raises(ValueError, match="NaN"):
        metrics.pck_of_joints(errors, np.ones((2, 3), bool), 0.1)
    with pytest.raises(ValueError, match="one shape"):
        metrics.pck_of_joints(errors, everything[:1], 0.1)


def test_bone_spread_is_zero_for_a_moving_hand_and_counted_by_hand() -> None:
    rng = np.random.default_rng(7)
    hand = rng.normal(size=(21, 3)) * 0.05
    moving = np.array([hand @ random_rotation(rng).T + rng.normal(size=3) for _ in range(6)])
    np.testing.assert_allclose(metrics.bone_spread(moving), 0, atol=1e-12)
    growing = np.array([0.9 * hand, 1.1 * hand])  # standard deviation: a tenth of the mean
    mean_length = np.mean([np.linalg.norm(hand[child] - hand[parent]) for parent, child in BONES])
    assert metrics.bone_spread(growing) == pytest.approx((0.1 * mean_length, 0.1))
    with pytest.raises(ValueError, match="at least 2 frames"):
        metrics.bone_spread(hand[None])
