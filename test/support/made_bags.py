"""Recordings of cameras that tests read, in every storage."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from made_files import picture

STORAGES = ("SQLITE3", "MCAP", "ROS1")
SECOND = 10**9
INFO = "/cam/camera_info"


class BagWriter:
    """Writes sensor_msgs and std_msgs to one recording."""

    def __init__(self, path: Path, storage: str, compression: str = ""):
        """storage: of STORAGES. compression: message, file or storage of rosbag2; bz2 or lz4 of ROS 1."""
        pytest.importorskip("rosbags")
        from rosbags import rosbag1, rosbag2
        from rosbags.typesys import Stores, get_types_from_msg, get_typestore

        self._ros1 = storage == "ROS1"
        self._store = get_typestore(Stores.ROS1_NOETIC if self._ros1 else Stores.ROS2_HUMBLE)
        if self._ros1:
            text = "geometry_msgs/TransformStamped[] transforms\n"  # which rosbags' store of ROS 1 lacks
            for name in ("tf2_msgs/msg/TFMessage", "tf/msg/tfMessage"):
                self._store.register(get_types_from_msg(text, name))
            self._writer = rosbag1.Writer(path)
            if compression:
                self._writer.set_compression(rosbag1.Writer.CompressionFormat[compression.upper()])
        else:
            self._writer = rosbag2.Writer(path, version=9, storage_plugin=rosbag2.StoragePlugin[storage])
            if compression:
                mode = rosbag2.CompressionMode[compression.upper()]
                self._writer.set_compression(mode, rosbag2.CompressionFormat.ZSTD)
        self._writer.open()
        self._connections = {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._writer.close()

    def connect(self, topic, kind):
        """Declares a topic; kind without its package."""
        package = {"String": "std_msgs", "TFMessage": "tf2_msgs", "tfMessage": "tf"}.get(kind, "sensor_msgs")
        name = f"{package}/msg/{kind}"
        self._connections[topic] = name, self._writer.add_connection(topic, name, typestore=self._store)

    def write(self, topic, kind, recorded, **fields):
        """One message, from the values of its fields."""
        if topic not in self._connections:
            self.connect(topic, kind)
        name, connection = self._connections[topic]
        encode = self._store.serialize_ros1 if self._ros1 else self._store.serialize_cdr
        self._writer.write(connection, recorded, encode(self._message(name, fields), name))

    def _message(self, name, fields):
        if self._ros1 and name.endswith("CameraInfo"):  # whose matrices were written large
            fields = {key.upper() if key in "dkrp" else key: value for key, value in fields.items()}
        return self._store.types[name](**fields)

    def header(self, stamp, frame_id):
        """A header; stamp in ns."""
        time = self._store.types["builtin_interfaces/msg/Time"](*divmod(stamp, SECOND))
        sequence = {"seq": 0} if self._ros1 else {}
        return self._store.types["std_msgs/msg/Header"](**sequence, stamp=time, frame_id=frame_id)

    def image(self, topic, image, stamp, encoding="rgb8", frame_id="camera", recorded=None, cut=None):
        """A raw image (H, W) or (H, W, 3); cut: bytes that are left of it."""
        data = np.ascontiguousarray(image).view(np.uint8).reshape(image.shape[0], -1)
        self.write(
            topic, "Image", stamp if recorded is None else recorded, header=self.header(stamp, frame_id),
            height=image.shape[0], width=image.shape[1], encoding=encoding, is_bigendian=0, step=data.shape[1],
            data=data.ravel()[:cut],
        )  # fmt: skip

    def transforms(
        self, topic, stamp, *children, parent="base", place=(0.0, 0.0, 0.0), rotation=(0.0, 0.0, 0.0, 1.0),
        recorded=None, kind="TFMessage",
    ):  # fmt: skip
        """The same transform from the parent to each of these frames; rotation: x, y, z, w; kind: or tfMessage."""
        parts = ("Vector3", "Quaternion", "Transform", "TransformStamped")
        vector, turn, transform, stamped = (self._store.types[f"geometry_msgs/msg/{part}"] for part in parts)
        place = transform(vector(*place), turn(*rotation))
        found = [stamped(self.header(stamp, parent), child, place) for child in children]
        self.write(topic, kind, stamp if recorded is None else recorded, transforms=found)

    def compressed(self, topic, data, stamp, format_name, frame_id="camera"):
        """A compressed image of these bytes."""
        self.write(
            topic, "CompressedImage", stamp, header=self.header(stamp, frame_id), format=format_name,
            data=np.frombuffer(bytes(data), np.uint8),
        )  # fmt: skip

    def camera_info(self, topic, stamp, width=32, height=24, fx=30.0, binning=0, d=(0.1, 0, 0, 0, 0), p=None, r=None):
        """The camera of picture(), or of another size. p: focal length of P, or all of P (3, 4); r: R (3, 3)."""
        K = np.array([fx, 0, width / 2 - 0.5, 0, fx + 1, height / 2 - 0.5, 0, 0, 1.0])
        roi = self._store.types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
        R = np.eye(3) if r is None else np.array(r, np.float64)
        if p is None or np.ndim(p):
            P = np.zeros(12) if p is None else np.ravel(p).astype(np.float64)
        else:
            P = np.array([p, 0, K[2], 0, 0, p, K[5], 0, 0, 0, 1, 0], np.float64)
        self.write(
            topic, "CameraInfo", stamp, header=self.header(stamp, "camera"), height=height, width=width,
            distortion_model="plumb_bob", d=np.array(d, np.float64), k=K, r=R.ravel(), p=P,
            binning_x=binning, binning_y=binning, roi=roi,
        )  # fmt: skip


def png(image) -> bytes:
    """The bytes of a PNG of an image (H, W, 3) RGB or (H, W)."""
    return cv2.imencode(".png", image if image.ndim == 2 else image[..., ::-1])[1].tobytes()


def write_bag(path, storage, topics=("/cam/image_raw",), compressed=False, info_width=32, stamp=SECOND + 2):
    """Three images per topic, 0.1 s apart, each followed by its CameraInfo; the second image's buffer is cut.

    stamp: of the first image, in ns; 0 leaves all stamps empty.
    """
    with BagWriter(path, storage) as bag:
        for topic in topics:
            bag.connect(topic, "CompressedImage" if compressed else "Image")
        for number in range(3):
            recorded = number * SECOND // 10
            time = stamp and stamp + recorded
            for topic in topics:
                if compressed:
                    bag.compressed(topic, png(picture()), time, "png")
                else:
                    bag.image(topic, picture(), time, recorded=recorded, cut=100 if number == 1 else None)
                namespace = topic.removesuffix("/compressed").rpartition("/")[0]
                bag.camera_info(f"{namespace}/camera_info", recorded + 1000, info_width)
    return path


def file_of(bag: Path) -> Path:
    """The one storage file of a recording."""
    if bag.is_file():
        return bag
    (file,) = (file for file in bag.iterdir() if file.name != "metadata.yaml")
    return file


def made(tmp_path, storage, compression=""):
    """The writer of the one recording of a test, by the name of its storage."""
    return BagWriter(tmp_path / ("bag.bag" if storage == "ROS1" else "bag"), storage, compression)


def images(tmp_path, storage, count=20, compression=""):
    """A recording of `count` images at 10 Hz from 1 s on; the first pixel's red value is the number of its image."""
    with made(tmp_path, storage, compression) as bag:
        for number in range(count):
            image = picture()
            image[0, 0, 0] = number
            bag.image("/cam/image_raw", image, SECOND + number * SECOND // 10)
            bag.camera_info(INFO, SECOND + number * SECOND // 10 + 1000)
    return next(tmp_path.glob("bag*"))
