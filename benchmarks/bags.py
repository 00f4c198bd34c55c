"""`handos predict` on recordings, killed again and again: one HandArray per image, and the same bytes.

    python benchmarks/bags.py [--frames 1000 --kills 10] [--ray]

Records the clip with depth in both storages of rosbag2, raw and compressed, and predicts each into a recording: once
undisturbed, once killed (SIGKILL) --kills times on the way, each time continued with --resume. Prints for each how many
images and HandArrays there are, whether their stamps are equal to the nanosecond, and whether both results are equal
byte by byte. Then 20 short recordings with --jobs 1 and 2: seconds by the clock and of all processors; with --ray also
on a Ray cluster of this machine, its start included. Needs `pip install '.[bags]'`, and '.[ray]' for --ray.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import cv2
import numpy as np
from rosbags import rosbag2
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore
from script import at_least, options, run_script

from handos_model.io.inputs import open_inputs

CLIP = Path(__file__).resolve().parents[1] / "docs" / "demo.mp4"
SECOND = 10**9
STORE = get_typestore(Stores.ROS2_HUMBLE)
SHORT, BAGS = 40, 20  # frames of a short recording, and how many there are


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for storage in ("MCAP", "SQLITE3"):
            for packed in (False, True):
                name = f"{storage.lower()}_{'compressed' if packed else 'raw'}"
                bag = recorded(folder / name, storage, packed, arguments.frames)
                print(f"{name}: {checked(bag, folder, arguments.kills, arguments.frames)}", flush=True)
                shutil.rmtree(bag)
        for number in range(BAGS):
            recorded(folder / "short" / f"{number}", "MCAP", False, SHORT)
        for where in ((), ("--ray",)) if arguments.ray else ((),):
            for jobs in ("1", "2"):
                before, start = cpu(), time.monotonic()
                options = ("--jobs", jobs, *where)
                out = str(folder / "_".join(options) / "{}.jsonl")
                assert predict(folder / "short", out, *options).wait() == 0
                used = "" if where else f", {cpu() - before:.1f} s of processors"  # Ray's processes are its own
                print(f"{BAGS} bags, {' '.join(options)}: {time.monotonic() - start:.1f} s{used}", flush=True)


def recorded(path: Path, storage: str, packed: bool, frames: int) -> Path:
    """A recording of the clip, again and again, at 30 Hz, with depth that says 0.5 m everywhere."""
    path.parent.mkdir(exist_ok=True)
    kind = "sensor_msgs/msg/CompressedImage" if packed else "sensor_msgs/msg/Image"
    with rosbag2.Writer(path, version=9, storage_plugin=rosbag2.StoragePlugin[storage]) as bag:
        colour = bag.add_connection("/camera/color/image_raw" + "/compressed" * packed, kind, typestore=STORE)
        depth = bag.add_connection("/camera/depth/image_raw", "sensor_msgs/msg/Image", typestore=STORE)
        for number, image in enumerate(islice(clip(), frames)):
            stamp = 1_700_000_000 * SECOND + number * SECOND // 30
            message = jpeg(image, stamp) if packed else raw(image, "rgb8", stamp)
            bag.write(depth, stamp, STORE.serialize_cdr(raw(far(image), "16UC1", stamp), "sensor_msgs/msg/Image"))
            bag.write(colour, stamp + 1000, STORE.serialize_cdr(message, kind))
    return path


def clip() -> Iterator[np.ndarray]:
    return cycle(frame.image[::2, ::2] for frame in open_inputs([str(CLIP)])[0])


def far(image: np.ndarray) -> np.ndarray:
    return np.full(image.shape[:2], 500, np.uint16)


def header(stamp: int):
    clock = STORE.types["builtin_interfaces/msg/Time"](*divmod(stamp, SECOND))
    return STORE.types["std_msgs/msg/Header"](clock, "camera")


def raw(image: np.ndarray, encoding: str, stamp: int):
    data = np.ascontiguousarray(image).view(np.uint8).reshape(image.shape[0], -1)
    numbers = (*image.shape[:2], encoding, 0, data.shape[1], data.ravel())
    return STORE.types["sensor_msgs/msg/Image"](header(stamp), *numbers)


def jpeg(image: np.ndarray, stamp: int):
    data = cv2.imencode(".jpg", image[..., ::-1])[1].ravel()
    return STORE.types["sensor_msgs/msg/CompressedImage"](header(stamp), "jpeg", data)


def checked(bag: Path, folder: Path, kills: int, frames: int) -> str:
    """The fate of a recording, in words."""
    whole, broken = folder / "whole.mcap", folder / "broken.mcap"
    assert predict(bag, whole, "--overwrite").wait() == 0
    broken.unlink(missing_ok=True)
    lines = folder / "broken.mcap.part.jsonl"
    killed = 0
    for kill in range(kills):
        process = predict(bag, broken, "--resume")
        while process.poll() is None and count(lines) < (kill + 1) * frames // (kills + 1):
            time.sleep(0.02)
        killed += process.poll() is None
        process.kill()
        process.wait()
    assert predict(bag, broken, "--resume").wait() == 0
    images, hands = stamps(whole, "/camera/color"), stamps(whole, "/hands")
    same = "same bytes" if whole.read_bytes() == broken.read_bytes() else "OTHER BYTES"
    return (
        f"{len(images)} images, {len(hands)} HandArrays, equal stamps: {images == hands}; killed {killed} times: {same}"
    )


def predict(source: Path, out: Path | str, *options: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "handos_model.cli", "predict", str(source), "--out", str(out), *options]
    return subprocess.Popen([*command, "--threads", "1"], stderr=subprocess.DEVNULL)


def count(lines: Path) -> int:
    return lines.read_bytes().count(b"\n") if lines.exists() else 0


def stamps(recording: Path, topic: str) -> list[int]:
    """Stamps in ns of the messages of a topic, in their order."""
    with AnyReader([recording]) as reader:
        wanted = [connection for connection in reader.connections if connection.topic.startswith(topic)]
        times = [reader.deserialize(data, one.msgtype).header.stamp for one, _, data in reader.messages(wanted)]
    return [time.sec * SECOND + time.nanosec for time in times]


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _arguments() -> argparse.Namespace:
    parser = options(__doc__)
    parser.add_argument("--frames", type=at_least(1), default=1000)
    parser.add_argument("--kills", type=at_least(0), default=10)
    parser.add_argument("--ray", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    run_script(main)
