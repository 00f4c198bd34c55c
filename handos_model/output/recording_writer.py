"""Results as a ROS 2 recording: the original messages, and with each image its hands and their frames."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from handos_model.io.recording.decoding import TF, TF_STATIC
from handos_model.io.recording.parts import Message
from handos_model.io.recording.recording import Recording
from handos_model.output.message_types import FRAMES, HAND_ARRAY, TF_MESSAGE, Messages, Origin, open_types
from handos_model.output.ros1_messages import Ros1Messages

HANDS_TOPIC = "/hands"
VERSION: Literal[8] = 8
"""Version of the recording's metadata: the newest that every ROS 2 distribution reads."""


def write_recording(
    records: Iterable[dict[str, Any]],
    place: Path,
    name: str,
    recorded: Path | None,
    one_file: bool,
    origin: Origin | None = None,
) -> tuple[str, ...]:
    """Writes a recording to `place`: one MCAP file, or a rosbag2 folder in the storage of the original.

    name: of the folder, which its files have too. recorded: the recording from which the records come, whose messages
    are copied; if None, each message is recorded at the time of its frame. origin: of the hands. Returns sentences on
    what could not be copied.
    """
    from rosbags.rosbag2 import StoragePlugin, Writer

    name = "recording" if one_file else name
    with tempfile.TemporaryDirectory(prefix=f"{place.stem[:50]}.", dir=place.parent) as temporary:
        folder = Path(temporary, name)
        is_sqlite = recorded is not None and not one_file and _is_sqlite(recorded)
        storage = StoragePlugin.SQLITE3 if is_sqlite else StoragePlugin.MCAP
        with _disk_errors(), Writer(folder, version=VERSION, storage_plugin=storage) as writer:
            bag = _Bag(writer, origin or Origin())
            notes: tuple[str, ...] = ()
            if recorded is None:
                for record in records:
                    bag.write_hands(record, record["stamp_ns"])
            else:
                notes = _write_beside(bag, records, recorded)
            bag.declare_hands()  # a recording without frames has them too
        os.replace(folder / f"{name}.mcap" if one_file else folder, place)
    return notes


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Raises errors of SQLite as those of the disk that caused them."""
    try:
        yield
    except sqlite3.Error as error:
        raise OSError(errno.ENOSPC if "full" in str(error) else errno.EIO, str(error)) from error


class _Bag:
    """A recording that is being written."""

    def __init__(self, writer: Any, origin: Origin) -> None:
        self._writer, self._types = writer, open_types()
        self._messages = Messages(self._types, origin)
        self.ros1 = Ros1Messages(self._types)
        self.left_out: set[str] = set()
        """Topics of whose transforms some were not copied, as this run writes others to the same frames."""
        self._connections: dict[tuple[str, str], Any] = {}

    def declare(self, topic: str, kind: str, store: Any = None, qos: Iterable[Any] = ()) -> bool:
        """Declares a topic; False if its type is unknown to `store`, or to this package's own store when None."""
        if (topic, kind) not in self._connections:
            try:
                added = self._writer.add_connection(
                    topic, kind, typestore=store or self._types, offered_qos_profiles=list(qos)
                )
            except Exception:  # the type is defined nowhere; the library's errors share no base class
                return False
            self._connections[topic, kind] = added
        return True

    def write(self, topic: str, kind: str, recorded_ns: int, data: bytes) -> None:
        """Writes a message in CDR."""
        self._writer.write(self._connections[topic, kind], recorded_ns, data)

    def copy(self, message: Message) -> str:
        """Copies a message, in CDR, without transforms to FRAMES: tf2 refuses two sources of a frame.

        Returns why it cannot be copied.
        """
        try:
            copied = self.ros1.converted(message) if message.encoding == "ros1" else message
        except ValueError as error:
            return str(error)
        if not self.declare(copied.topic, copied.kind):
            return "their type is not defined"
        data: bytes | None = copied.data
        if copied.topic in (TF, TF_STATIC) and copied.kind == TF_MESSAGE:
            data = self._messages.other_transforms(copied.data)
            if data != copied.data:
                self.left_out.add(copied.topic)
        if data is not None:
            self.write(copied.topic, copied.kind, copied.recorded_ns, data)
        return ""

    def declare_hands(self) -> None:
        """Declares the topics of write_hands."""
        self.declare(TF, TF_MESSAGE)
        self.declare(HANDS_TOPIC, HAND_ARRAY)

    def write_hands(self, record: dict[str, Any], recorded_ns: int) -> None:
        """Writes TF frames before hands, so that whoever receives a hand can look up its frame."""
        self.declare_hands()
        transforms = self._messages.transforms(record)
        if transforms is not None:
            self.write(TF, TF_MESSAGE, recorded_ns, transforms)
        self.write(HANDS_TOPIC, HAND_ARRAY, recorded_ns, self._messages.hand_array(record))


def _write_beside(bag: _Bag, records: Iterable[dict[str, Any]], original: Path) -> tuple[str, ...]:
    """Copies the original's messages; the hands of an image come right after it."""
    recording = Recording(original)
    topics = {topic.name for topic in recording.topics if topic.name != HANDS_TOPIC}
    _declare_as_recorded(bag, original)
    missed: Counter[tuple[str, str]] = Counter()
    waiting = iter(records)
    record = next(waiting, None)
    counts: Counter[str] = Counter()  # of the images of each topic
    for message in recording.messages(topics):
        if isinstance(message, ValueError):
            continue  # was reported when it was read
        if reason := bag.copy(message):
            missed[message.topic, reason] += 1
        counts[message.topic] += 1
        while record and int(record["image"].rpartition("#")[2]) < counts[record["topic"]]:
            bag.write_hands(record, message.recorded_ns)
            record = next(waiting, None)
    notes = [f"{number} messages of {topic} were not copied, as {why}" for (topic, why), number in missed.items()]
    if lacking := (record is not None) + sum(1 for _ in waiting):
        notes.append(f"{lacking} frames are left out, as {original} lacks their images")
    if len(topics) < len(recording.topics):
        notes.append(f"{HANDS_TOPIC} of {original} is replaced by the hands of this run")
    for topic in sorted(bag.left_out):
        notes.append(f"{' and '.join(FRAMES)} on {topic} of {original} are replaced by the frames of this run")
    return tuple(notes)


def _declare_as_recorded(bag: _Bag, original: Path) -> None:
    """Declares topics with the definitions and QoS of the recording; a damaged one does not give enough of them."""
    from rosbags.convert.converter import LATCH
    from rosbags.highlevel import AnyReader
    from rosbags.interfaces import ConnectionExtRosbag2
    from rosbags.typesys import Stores, get_typestore

    with suppress(Exception), AnyReader([original], default_typestore=get_typestore(Stores.ROS2_HUMBLE)) as reader:
        if not reader.is2:
            bag.ros1.known = reader.typestore
        for connection in reader.connections:
            topic, kind, recorded = connection.topic, connection.msgtype, connection.ext
            if topic == HANDS_TOPIC:
                continue
            if isinstance(recorded, ConnectionExtRosbag2):
                bag.declare(topic, kind, reader.typestore, recorded.offered_qos_profiles)
            else:
                bag.declare(topic, bag.ros1.kind(kind), qos=LATCH if recorded.latching else ())


def _is_sqlite(recorded: Path) -> bool:
    files: Iterator[Path] = recorded.iterdir() if recorded.is_dir() else iter([recorded])
    return any(".db3" in file.suffixes for file in files)
