"""Images, videos and recordings that tests read."""

import cv2
import numpy as np
import pytest


def picture(height=24, width=32) -> np.ndarray:
    """A smooth colour image, which survives subsampled colour and lossy files."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([40 + 5 * x, 200 - 6 * y, 90 + 2 * x + 2 * y], axis=-1).astype(np.uint8)


def write_image(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return path


def write_video(path, images, fps=12.0):
    size = images[0].shape[1::-1]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), fps, size)
    for image in images:
        writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def write_bag(folder, storage, topics=("/cam/image_raw",), compressed=False, info_width=32, stamp=(1, 2)):
    """Three images per topic, 0.1 s apart, each followed by its CameraInfo; the second image's buffer is cut."""
    pytest.importorskip("rosbags")
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_HUMBLE)
    types = store.types
    header = types["std_msgs/msg/Header"](types["builtin_interfaces/msg/Time"](*stamp), "camera")
    kind = "sensor_msgs/msg/CompressedImage" if compressed else "sensor_msgs/msg/Image"
    roi = types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
    K = np.array([30, 0, 15.5, 0, 31, 11.5, 0, 0, 1.0])
    info = types["sensor_msgs/msg/CameraInfo"](
        header, 24, info_width, "plumb_bob", np.array([0.1, 0, 0, 0, 0]), K, np.eye(3).ravel(), np.zeros(12), 0, 0, roi
    )
    with Writer(folder, version=9, storage_plugin=StoragePlugin[storage]) as writer:
        for topic in topics:
            images = writer.add_connection(topic, kind, typestore=store)
            namespace = topic.removesuffix("/compressed").rpartition("/")[0]
            infos = writer.add_connection(f"{namespace}/camera_info", "sensor_msgs/msg/CameraInfo", typestore=store)
            for i in range(3):
                data = picture().ravel()[: 2304 if i != 1 else 100]
                message = (
                    types[kind](header, 24, 32, "rgb8", 0, 96, data)
                    if not compressed
                    else types[kind](header, "png", cv2.imencode(".png", picture()[..., ::-1])[1].ravel())
                )
                writer.write(images, 10**8 * i, store.serialize_cdr(message, kind))
                writer.write(infos, 10**8 * i + 1000, store.serialize_cdr(info, "sensor_msgs/msg/CameraInfo"))
    return folder
