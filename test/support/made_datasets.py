"""Small data sets in their published layouts, with hands of known geometry."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from made_mano import full_fields, made_layer

from handos_model.template.mano import JOINT_ORDER

K = np.array([[120.0, 0, 47], [0, 120, 40], [0, 0, 1]])
WIDTH, HEIGHT = 96, 80
TO_OPENGL = np.array([1, -1, -1])
MEAN = full_fields()["hands_mean"]


@dataclass
class MadeHand:
    """Labels that were put into a file, and must come out of it."""

    pose: np.ndarray  # (48,) from the flat hand
    shape: np.ndarray
    translation: np.ndarray
    vertices: np.ndarray
    joints: np.ndarray  # those that pose the hand, in our order


def made_hand(seed: int, side: str = "right", opengl: bool = False, centre: tuple = (0.0, 0.0, 0.5)) -> MadeHand:
    """A hand with its wrist near `centre` m in the frame of the file, OpenGL's or that of the camera."""
    rng = np.random.default_rng(seed)
    pose = np.append(rng.normal(0, 0.5, 3), MEAN + rng.normal(0, 0.1, 45))
    shape, move = rng.normal(0, 0.5, 10), np.array(centre) * (TO_OPENGL if opengl else 1)
    vertices, joints = made_layer(side)(pose, shape, move)
    return MadeHand(pose, shape, move, vertices, joints)


def write_picture(path: Path, seed: int = 0, size: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """A picture of noise; what was written, RGB (JPEG changes it)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
    cv2.imwrite(str(path), image[..., ::-1])
    return image


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def mano_order(joints: np.ndarray) -> np.ndarray:
    ordered = np.empty_like(joints)
    ordered[list(JOINT_ORDER)] = joints
    return ordered


def make_freihand(root: Path, frames: int = 2) -> list[MadeHand]:
    """Two frames with four backgrounds each, and an evaluation split of the same hands."""
    hands = [made_hand(seed) for seed in range(frames)]
    joints = [hand.joints for hand in hands]
    mano = []
    for hand in hands:
        root_pixel, scale = (K @ hand.joints[9])[:2] / hand.joints[9, 2], K[0, 0] / hand.joints[9, 2]
        pose = np.append(hand.pose[:3], hand.pose[3:] - MEAN)
        mano.append([np.concatenate([pose, hand.shape, root_pixel, [scale]]).tolist()])
    for split, versions in (("training", 4), ("evaluation", 1)):
        write_json(root / f"{split}_K.json", [K.tolist()] * frames)
        write_json(root / f"{split}_xyz.json", [j.tolist() for j in joints])
        for picture in range(frames * versions):
            write_picture(root / split / "rgb" / f"{picture:08d}.jpg", picture)
    write_json(root / "training_mano.json", mano)
    write_json(root / "evaluation_verts.json", [hand.vertices.tolist() for hand in hands])
    return hands


def make_ho3d(root: Path, protocol: int = 2) -> list[MadeHand]:
    """Frames 4 and 5 of one sequence, and the first of them as evaluation."""
    hands = [made_hand(seed, opengl=True) for seed in (3, 4)]
    (root / "train.txt").write_text("ABF10/0004\nABF10/0005\n")
    (root / "evaluation.txt").write_text("SM1/0000\n")
    for hand, split, frame in zip(
        [*hands, hands[0]], ("train", "train", "evaluation"), ("ABF10/0004", "ABF10/0005", "SM1/0000"), strict=True
    ):
        labels = {
            "camMat": K,
            "objName": "025_mug",
            "handBoundingBox": [1, 2, 3, 4],
            "handJoints3D": mano_order(hand.joints)[0],
        }
        if split == "train":
            labels |= {
                "handJoints3D": mano_order(hand.joints),
                "handPose": hand.pose,
                "handTrans": hand.translation,
                "handBeta": hand.shape,
            }
        write_frame(root / split, frame, labels, protocol)
    write_json(root / "evaluation_xyz.json", [mano_order(hands[0].joints).tolist()])
    write_json(root / "evaluation_verts.json", [hands[0].vertices.tolist()])
    return hands


def write_frame(folder: Path, frame: str, labels: dict, protocol: int = 2) -> None:
    sequence, _, number = frame.partition("/")
    write_picture(folder / sequence / "rgb" / f"{number}.jpg")
    path = folder / sequence / "meta" / f"{number}.pkl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(labels, protocol))


def make_h2o3d(root: Path) -> dict[str, MadeHand]:
    """Three frames of the same two hands. Nobody vouches for the left thumb's tip in the second, for any of the left
    hand's joints in the third; these are zeros."""
    hands = {"right": made_hand(6, "right", True, (-0.1, 0, 0.6)), "left": made_hand(7, "left", True, (0.1, 0, 0.6))}
    shape = hands["right"].shape
    hands["left"].vertices, hands["left"].joints = made_layer("left")(
        hands["left"].pose, shape, hands["left"].translation
    )
    (root / "train.txt").write_text("S1/0000\nS1/0001\nS1/0002\n")
    tip = np.arange(21) == 16  # MANO's order: the first tip is the thumb's
    for frame, doubtful in enumerate((np.zeros(21, bool), tip, np.ones(21, bool))):
        labels = {"camMat": K, "handBeta": shape}
        for side, hand in hands.items():
            valid = ~doubtful if side == "left" else np.ones(21)
            labels |= {
                f"{side}HandJoints3D": mano_order(hand.joints) * valid[:, None],
                f"{side}HandPose": hand.pose,
                f"{side}HandTrans": hand.translation,
                f"jointValid{side.capitalize()}": valid,
            }
        write_frame(root / "train", f"S1/{frame:04d}", labels)
    return hands


def make_dexycb(root: Path) -> dict[str, MadeHand]:
    """Split s1_val: two frames of a right hand (the second unlabelled) and one of a left, each by eight cameras."""
    subject, shape = "20200928-subject-07", np.linspace(-0.5, 0.5, 10)
    cameras = [
        "836212060125",
        "839512060362",
        "840412060917",
        "841412060263",
        "932122060857",
        "932122060861",
        "932122061900",
        "932122062010",
    ]
    for number, camera in enumerate(cameras):
        path = root / "calibration" / "intrinsics" / f"{camera}_640x480.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"color:\n  fx: {120 + number}\n  fy: 121.0\n  ppx: 47.5\n  ppy: 40.25\ndepth:\n  fx: 1.0\n")
    shapes = root / "calibration" / "mano_20200928_subject-07_any" / "mano.yml"
    shapes.parent.mkdir(parents=True)
    shapes.write_text(f"betas: {shape.tolist()}\n")
    hands = {}
    for number in range(100):
        side, frames = ("left" if number == 50 else "right"), {3: 2, 50: 1}.get(number, 0)
        folder = root / subject / f"20200928_{number:06d}"
        folder.mkdir(parents=True)
        folder.joinpath("meta.yml").write_text(
            f"num_frames: {frames}\nmano_sides: [{side}]\nmano_calib: [20200928_subject-07_any]\nycb_ids: [1]\n"
        )
        for index, camera in enumerate(cameras if frames else ()):
            hand = hands[side] = made_hand(8, side)
            hand.vertices, hand.joints = made_layer(side)(hand.pose, shape, hand.translation)
            components = (hand.pose[3:] - MEAN) @ full_fields()["hands_components"].T
            pose = np.concatenate([hand.pose[:3], components, hand.translation])[None]
            pixels = [120 + index, 121] * hand.joints[None, :, :2] / hand.joints[None, :, 2:] + [47.5, 40.25]
            for frame in range(frames):
                write_picture(folder / camera / f"color_{frame:06d}.jpg")
                joints = hand.joints[None] if frame == 0 else np.full((1, 21, 3), -1.0)
                np.savez(
                    folder / camera / f"labels_{frame:06d}.npz",
                    joint_3d=joints.astype(np.float32),
                    joint_2d=(pixels if frame == 0 else np.full((1, 21, 2), -1.0)).astype(np.float32),
                    pose_m=pose.astype(np.float32) * (frame == 0),
                    seg=np.zeros((2, 2), np.uint8),
                )
    return hands


JOINTS = np.column_stack([np.linspace(20, 60, 21), np.linspace(10, 70, 21)])


def make_hint(root: Path) -> None:
    """A left hand of New Days whose wrist is hidden, one of VISOR, and a sequence of Ego4D."""
    hidden = [1.0] + [0.0] * 20
    for name in (
        "TRAIN_newdays_img/ND_a_b-c_frame000301_l",
        "TRAIN_epick_img/EK_0064_P03_10_frame_0000000249_r",
        "TRAIN_ego4d_img/0037b816-e98e_d60098ce-3716_505_pnr_frame_r",
        "TEST_ego4d_seq/1b7f6104-363b_f97735b0-8145_4437_pre_frame_l",
    ):
        write_picture(root / f"{name}.jpg")
        write_json(
            root / f"{name}.json", [{"bbox": [[20, 10, 60, 72]], "keypoints": JOINTS.tolist(), "occlusion": hidden}]
        )


def coco_image(number: int, name: str) -> dict:
    return {"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT}


def make_coco_wholebody(root: Path) -> None:
    """Three people in two photos; the third photo shows none."""
    left = np.column_stack([JOINTS, np.where(np.arange(21) < 5, [0.4] + [1] * 20, 2)]).ravel().tolist()
    right = np.column_stack([JOINTS + 3, np.full(21, 2)]).ravel().tolist()
    none = [0.0] * 63

    def person(image: int, has_left: bool, has_right: bool) -> dict:
        return {
            "image_id": image,
            "id": image,
            "category_id": 1,
            "keypoints": [0] * 51,
            "iscrowd": 0,
            "lefthand_kpts": left if has_left else none,
            "righthand_kpts": right if has_right else none,
            "lefthand_box": [15, 8, 55, 68] if has_left else [0] * 4,
            "righthand_box": [16, 9, 55, 68] if has_right else [0] * 4,
            "lefthand_valid": has_left,
            "righthand_valid": has_right,
        }

    write_json(
        root / "annotations" / "coco_wholebody_val_v1.0.json",
        {
            "images": [coco_image(7, "000000000007.jpg"), coco_image(3, "000000000003.jpg"), coco_image(9, "9.jpg")],
            "annotations": [
                person(3, True, True),
                person(7, False, True),
                person(3, True, False),
                person(9, False, False),
            ],
        },
    )
    for number in (3, 7):
        write_picture(root / "val2017" / f"{number:012d}.jpg", number)


def make_onehand10k(root: Path) -> None:
    """One hand whose wrist is not labelled."""
    keypoints = np.column_stack([JOINTS, np.ones(21)])
    keypoints[0] = 0
    write_json(
        root / "annotations" / "onehand10k_test.json",
        {
            "images": [coco_image(5, "Test/source/5.jpg")],
            "annotations": [
                {"image_id": 5, "id": 5, "keypoints": keypoints.ravel().tolist(), "bbox": [20, 10, 40, 60]}
            ],
        },
    )
    write_picture(root / "Test" / "source" / "5.jpg")


def make_comphand(root: Path) -> MadeHand:
    """One view of one pose, stored as its mirror image."""
    hand = made_hand(9)
    write_picture(root / "base_pose" / "pic256" / "fist" / "view_03" / "hand.0012.png", 12, (256, 256))
    mesh = root / "base_pose" / "model_mano" / "fist" / "12.obj"
    mesh.parent.mkdir(parents=True)
    lines = [f"v {-x:.9f} {y:.9f} {z:.9f}" for x, y, z in hand.vertices]
    mesh.write_text("\n".join(["# a hand", *lines, "f 1 2 3"]) + "\n")
    return hand
