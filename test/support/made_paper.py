"""A folder as `handos reproduce` finds one: made data in all eight layouts, small detectors, a trial's changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml
from made_datasets import (
    HEIGHT,
    JOINTS,
    MEAN,
    WIDTH,
    coco_image,
    made_hand,
    make_comphand,
    make_freihand,
    make_h2o3d,
    make_ho3d,
    write_json,
    write_picture,
)
from made_mano import full_fields, made_layer, write_mano
from small_detectors import save, save_tokenizer, small_model

from handos_model.data.published.dexycb import CAMERAS, SUBJECTS

PX = 96
CHANGES = {
    "epochs": 0.0,
    "max_steps": 1,
    "batch_size": 2,
    "workers": 0,
    "threads": 1,
    "bf16": False,
    "side_widths": [8, 8, 8, 8],
    "augmentation": {"canvas": PX},
    "decoder": {
        "vertex_queries": False,  # 96 coarse ones: attention among 778 would take minutes
        "layers_2d": 1,
        "layers_3d": 1,
        "d_model": 16,
        "d_value": 16,
        "heads": 2,
        "self_heads": 2,
        "points_2d": 1,
        "points_3d": 1,
        "feedforward": 16,
    },
}
GROUNDING_DINO = "IDEA-Research/grounding-dino-base@12bdfa3120f3e7ec7b434d90674b3396eccf88eb"


def make_all(folder: Path) -> Path:
    """Everything below `folder`; the path of the YAML with CHANGES is returned."""
    datasets = folder / "datasets"
    makers = {
        "freihand": make_freihand,
        "ho3d": make_ho3d,
        "h2o3d": make_h2o3d,
        "dexycb": make_dexycb_s0,
        "hint": make_hint_splits,
        "coco": make_coco_splits,
        "onehand10k": make_onehand10k_train,
        "comphand": make_comphand,
    }
    for name, make in makers.items():
        (datasets / name).mkdir(parents=True)
        make(datasets / name)
    write_mano(datasets / "mano")
    save(small_model("grounding_dino", encoder_layers=4), folder / GROUNDING_DINO)
    save_tokenizer(folder / GROUNDING_DINO)
    save(small_model("deformable_detr"), folder / "detectors" / "hands")
    path = folder / "changes.yaml"
    path.write_text(yaml.safe_dump(CHANGES))
    return path


def make_dexycb_s0(root: Path) -> None:
    """Setup S0: all subjects; of the third, one frame for training and one for the test."""
    shape = np.linspace(-0.5, 0.5, 10)
    for camera in CAMERAS:
        path = root / "calibration" / "intrinsics" / f"{camera}_640x480.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("color:\n  fx: 120.0\n  fy: 121.0\n  ppx: 47.5\n  ppy: 40.25\n")
    shapes = root / "calibration" / "mano_any" / "mano.yml"
    shapes.parent.mkdir(parents=True)
    shapes.write_text(f"betas: {shape.tolist()}\n")
    hand = made_hand(8)
    hand.vertices, hand.joints = made_layer("right")(hand.pose, shape, hand.translation)
    components = (hand.pose[3:] - MEAN) @ full_fields()["hands_components"].T
    pixels = [120, 121] * hand.joints[None, :, :2] / hand.joints[None, :, 2:] + [47.5, 40.25]
    labels = {
        "joint_3d": hand.joints[None].astype(np.float32),
        "joint_2d": pixels.astype(np.float32),
        "pose_m": np.concatenate([hand.pose[:3], components, hand.translation])[None].astype(np.float32),
    }
    for subject in SUBJECTS:
        for number in range(100):
            frames = int(subject == SUBJECTS[2] and number in (0, 4))
            folder = root / subject / f"20200928_{number:06d}"
            folder.mkdir(parents=True)
            (folder / "meta.yml").write_text(f"num_frames: {frames}\nmano_sides: [right]\nmano_calib: [any]\n")
            for camera in CAMERAS if frames else ():
                write_picture(folder / camera / "color_000000.jpg")
                np.savez(folder / camera / "labels_000000.npz", **labels)


def make_hint_splits(root: Path) -> None:
    """A left and a right hand in each part of the train and test splits; the wrist is hidden.

    They are small, and in the corner where a detector of these random weights sees most.
    """
    hidden = [1.0] + [0.0] * 20
    joints = np.column_stack([np.linspace(76, 88, 21), np.linspace(62, 78, 21)])
    for part in ("TRAIN", "TEST"):
        for subset in ("newdays", "epick", "ego4d"):
            for seed, side in enumerate("lr"):
                name = root / f"{part}_{subset}_img" / f"a_frame000301_{side}"
                write_picture(name.with_suffix(".jpg"), seed)
                record = {"bbox": [[74, 60, 90, 80]], "keypoints": joints.tolist(), "occlusion": hidden}
                write_json(name.with_suffix(".json"), [record])


def make_coco_splits(root: Path) -> None:
    """A person with two hands in one photo, in both splits."""
    kpts = np.column_stack([JOINTS, np.full(21, 2)]).ravel().tolist()
    hand = {"kpts": kpts, "box": [15, 8, 55, 68], "valid": True}
    person = {f"{side}hand_{name}": value for side in ("left", "right") for name, value in hand.items()}
    for split in ("train", "val"):
        content = {"images": [coco_image(7, "7.jpg")], "annotations": [{"image_id": 7, "id": 1, **person}]}
        write_json(root / "annotations" / f"coco_wholebody_{split}_v1.0.json", content)
        write_picture(root / f"{split}2017" / "7.jpg", 7)


def make_onehand10k_train(root: Path) -> None:
    """One hand."""
    keypoints = np.column_stack([JOINTS, np.ones(21)]).ravel().tolist()
    content = {
        "images": [{"id": 5, "file_name": "Train/source/5.jpg", "width": WIDTH, "height": HEIGHT}],
        "annotations": [{"image_id": 5, "id": 5, "keypoints": keypoints}],
    }
    write_json(root / "annotations" / "onehand10k_train.json", content)
    write_picture(root / "Train" / "source" / "5.jpg")
