"""Chooses which topics of a recording are used (colour, depth and camera_info) by looking at their first messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from handos_model.io.depth_encodings import compressed_picture
from handos_model.io.files import one_line
from handos_model.io.headers.image_header import read_header
from handos_model.io.image_encodings import encoding_of
from handos_model.io.recording import decoding
from handos_model.io.recording.recording import Recording

PEEKED = 500
"""Number of image messages, from the start, that are examined to see what each topic holds."""
GREY = ("mono8", "mono16", "8UC1")
"""Encodings, mostly of stereo and infrared cameras, that are not chosen if another camera has colours."""


@dataclass(frozen=True)
class SeenTopic:
    """The contents of the first readable message of an image topic."""

    topic: str
    is_depth: bool
    encoding: str
    frame_id: str
    size: tuple[int, int] | None
    """Width and height in px; None if unknown."""


@dataclass(frozen=True)
class Choice:
    """Topics of a recording that are read."""

    colour: str
    camera_info: str | None
    depth: str | None
    notes: tuple[str, ...]
    """Notes on the parts of the recording that are not used, and why."""


def choose(recording: Recording, topic: str | None, depth: str) -> Choice:
    """The topics to read. topic: the image topic, None for the only one with colours; depth: a topic, auto or none.

    Raises ValueError for a topic that is missing or of another kind, and if several remain to choose from.
    """
    looks = _looks(recording)
    colour = _colour(recording, looks, topic)
    depth_topic, notes = _depth(recording, looks, colour, depth)
    info, note = _camera_info(recording, colour.topic)
    return Choice(colour.topic, info, depth_topic, (*notes, *note))


def _looks(recording: Recording) -> list[SeenTopic]:
    """Examines each image topic that has messages."""
    known = any(topic.count for topic in recording.topics)
    wanted = {topic.name for topic in recording.topics if topic.kind in decoding.IMAGES and (topic.count or not known)}
    found: dict[str, SeenTopic] = {}
    for number, message in enumerate(recording.messages(wanted) if wanted else ()):
        if number == PEEKED or len(found) == len(wanted):
            break
        if isinstance(message, ValueError) or message.topic in found:
            continue
        try:
            found[message.topic] = _look(message.topic, decoding.decoded(message, decoding.IMAGES))
        except ValueError:
            continue  # reported when its turn comes
    for name in wanted - set(found):  # topics of which nothing can be read, or that begin later
        found[name] = SeenTopic(name, "depth" in name.lower(), "", "", None)
    return [found[name] for name in sorted(found)]


def _look(topic: str, content: Any) -> SeenTopic:
    is_depth, size = decoding.is_depth(content), None
    if hasattr(content, "encoding"):
        size = int(content.width), int(content.height)
    else:
        data = np.frombuffer(content.data, np.uint8)
        try:
            promise = read_header(compressed_picture(data) if is_depth else data)
            size = promise.width, promise.height
        except ValueError:
            size = None
    return SeenTopic(topic, is_depth, encoding_of(content), content.header.frame_id, size)


def _colour(recording: Recording, looks: list[SeenTopic], topic: str | None) -> SeenTopic:
    name = one_line(recording.path)
    if not looks:
        others = ", ".join(sorted({one_line(topic.kind, 80) for topic in recording.topics})[:5]) or "nothing"
        raise ValueError(f"recording {name} contains no images: its topics have the types {others}")
    if topic is not None:
        look = next((look for look in looks if look.topic == topic), None)
        if look is None:
            raise ValueError(f"recording {name} has no image topic {topic}; it has {_names(looks)}")
        if look.is_depth:
            encoding = one_line(look.encoding, 40)
            raise ValueError(f"topic {topic} of recording {name} holds depth ({encoding}), must hold colour images")
        return look
    colours = _without_twins([look for look in looks if not look.is_depth], "/compressed")
    if not colours:
        raise ValueError(f"recording {name} contains only depth images: {_names(looks)}")
    colours = [look for look in colours if look.encoding not in GREY] or colours
    if len(colours) > 1:
        how = "choose one with --topic, or with camera_node's parameter topic"
        raise ValueError(f"recording {name} has several image topics: {how}: {_names(colours)}")
    return colours[0]


def _depth(
    recording: Recording, looks: list[SeenTopic], colour: SeenTopic, depth: str
) -> tuple[str | None, tuple[str, ...]]:
    name = one_line(recording.path)
    if depth == "none":
        return None, ()
    depths = [look for look in looks if look.is_depth]
    if depth != "auto":
        if all(look.topic != depth for look in depths):
            there = f"it has {_names(depths)}" if depths else "it has none"
            raise ValueError(f"recording {name} has no depth topic {depth}; {there}")
        return depth, ()
    fitting = [look for look in depths if (look.frame_id, look.size) == (colour.frame_id, colour.size)]
    fitting = _without_twins(fitting, "/compressedDepth", "/compressed")
    if len(fitting) > 1:
        raise ValueError(f"recording {name} has several depth topics: choose one with --depth: {_names(fitting)}")
    if fitting:
        return fitting[0].topic, ()
    if not depths:
        return None, ()
    wanted = f"the frame {one_line(colour.frame_id, 80)!r} and size {colour.size} of {_names([colour])}"
    reason = f"{_names(depths)} is not registered to the images: it lacks {wanted}; --depth TOPIC uses it anyway"
    return None, (f"depth of recording {name} is not used: {reason}",)


def _camera_info(recording: Recording, colour: str) -> tuple[str | None, tuple[str, ...]]:
    """The topic where image_transport publishes the CameraInfo of an image topic, plain or /compressed; and notes."""
    infos = {topic.name for topic in recording.topics if topic.kind == decoding.CAMERA_INFO}
    expected = f"{colour.removesuffix('/compressed').rpartition('/')[0]}/camera_info"
    if expected in infos:
        return expected, ()
    if not infos:
        return None, ()
    others = ", ".join(one_line(info, 120) for info in sorted(infos)[:5])
    missing = f"has no {one_line(expected, 120)} for {one_line(colour, 120)}"
    return None, (f"recording {one_line(recording.path)} {missing}, but {others}: not used",)


def _without_twins(looks: list[SeenTopic], *suffixes: str) -> list[SeenTopic]:
    """The topics without those that a transport derived from another one in the recording."""
    names = {look.topic for look in looks}
    return [
        look
        for look in looks
        if not any(look.topic.endswith(end) and look.topic.removesuffix(end) in names for end in suffixes)
    ]


def _names(looks: Iterable[SeenTopic]) -> str:
    return ", ".join(one_line(look.topic, 120) for look in looks)
