"""Pseudo-labels: what three looks at a photo agree on. The finder stands for MediaPipe, which the tests do not need."""

import cv2
import label_photos as tool
import numpy as np
import pytest

from handos_model.data.photos import Photos

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def photo():
    """Three coloured dots, from which the finder below makes a hand."""
    image = np.zeros((200, 300, 3), np.uint8)
    for centre, colour in zip(((80, 150), (100, 60), (160, 90)), COLOURS, strict=True):
        cv2.circle(image, centre, 5, colour, -1, cv2.LINE_AA)
    return image


def finder(image):
    """A hand spanned by the dots; left or right by the way round they lie. None without all three."""
    points = []
    for channel in range(3):
        y, x = np.nonzero(
            image[..., channel].astype(int) - image[..., [c for c in range(3) if c != channel]].max(-1) > 99
        )
        if not len(x):
            return []
        points.append((x.mean() + 0.5, y.mean() + 0.5))
    a, b, c = np.array(points)
    s = np.linspace(0, 1, 21)[:, None]
    joints = a + s * (b - a) + s**2 * (c - a)
    world = np.concatenate([joints - joints.mean(0), np.zeros((21, 1))], -1) * 1e-3
    return [tool.Seen(joints, world, "right" if np.linalg.det([b - a, c - a]) > 0 else "left")]


def test_looks_that_agree_give_grade_a():
    image = photo()
    (record,) = tool.label(image, finder)
    (seen,) = finder(image)
    assert record["grade"] == "A" and record["side"] == seen.side
    np.testing.assert_allclose(record["kp"], seen.joints, atol=0.01)
    assert record["size_px"] == pytest.approx(np.ptp(seen.joints, axis=0).max(), abs=0.1)


def test_mirrored_and_turned_looks_come_back_to_the_photo():
    (seen,) = finder(photo())
    for look in (tool.mirrored_look, tool.turned_look):
        (back,) = look(photo(), finder)
        assert np.abs(back.joints - seen.joints).max() < 1.0
        assert np.abs(back.world - seen.world).max() < 2e-3
        assert back.side == seen.side


@pytest.mark.parametrize(
    "pixels, millimetres, side, expected",
    [(0, 0, "right", "A"), (4, 0, "right", "A"), (8, 0, "right", "B"), (15, 0, "right", "C"), (0, 20, "right", "B"),
     (0, 40, "right", "C"), (0, 0, "left", "C"), (80, 0, "right", "C")],
)  # fmt: skip
def test_grades(pixels, millimetres, side, expected):
    joints = np.stack([np.linspace(0, 100, 21), np.zeros(21)], -1)
    hand = tool.Seen(joints, np.zeros((21, 3)), "right")
    other = tool.Seen(joints + [0, pixels], np.full((21, 3), 1e-3 * millimetres) * [1, 0, 0], side)
    assert tool.grade(hand, [[hand], [other]]) == expected


def test_a_hand_that_one_look_misses_is_c():
    (hand,) = finder(photo())
    assert tool.grade(hand, [[hand], []]) == "C"


def test_a_photo_without_hands_has_no_labels():
    assert tool.label(np.zeros((50, 60, 3), np.uint8), finder) == []


def labelled(monkeypatch, *argv):
    """Runs the tool on its command line."""
    monkeypatch.setattr(tool, "mediapipe_finder", lambda: finder)
    monkeypatch.setattr("sys.argv", ["label_photos.py", *map(str, argv)])
    tool.main()


def test_photos_with_and_without_hands_become_what_training_reads(tmp_path, monkeypatch, capsys):
    photos, out = tmp_path / "my photos", tmp_path / "my photos" / "läbelled"  # where a second run finds its own copies
    photos.mkdir()
    cv2.imwrite(str(photos / "hand.png"), photo()[..., ::-1])
    cv2.imwrite(str(photos / "free.png"), np.full((50, 60, 3), 90, np.uint8))
    for _ in range(2):
        labelled(monkeypatch, photos, out, "--source", "home")
        labelled(monkeypatch, photos, out, "--source", "home", "--without-hands")
    assert capsys.readouterr().out.splitlines()[-1] == f"1 of 2 photos kept; {out / 'labels.json.gz'} lists 2"
    (hand,), (free,) = Photos.load(out, "hand", "train"), Photos.load(out, "background", "train")
    assert hand.image.shape == (200, 300, 3) and len(hand.joints_2d) == 1 and not hand.ignore.any()
    assert free.image.shape == (50, 60, 3) and len(free.joints_2d) == 0 and free.complete
    assert [path.parent.relative_to(out).as_posix() for path in sorted(out.rglob("*.jpg"))] == [
        "backgrounds/home",
        "hands/home",
    ]


@pytest.mark.parametrize("source", ["", "..", "../other", "a/b"])
def test_a_source_is_the_name_of_a_folder(tmp_path, monkeypatch, capsys, source):
    with pytest.raises(SystemExit):
        labelled(monkeypatch, tmp_path, tmp_path / "out", "--source", source)
    assert f"--source is {source!r}, expected the name of a folder" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
