"""Messages of ROS 1 as those of ROS 2."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from handos_model.io.recording.parts import Message


class Ros1Messages:
    """Converts messages; the types of ROS 2 lack some fields, such as a header's seq, and name others differently."""

    def __init__(self, types: Any) -> None:
        """types: rosbags' store of ROS 2 types, to which types of the recording's own are added."""
        from rosbags.typesys import Stores, get_typestore

        self.known: Any = get_typestore(Stores.ROS1_NOETIC)
        """The ROS 1 types; to be replaced by those of the recording, if it is whole enough to give them."""
        self._types = types
        self._kinds: dict[str, str] = {}
        self._cache: dict[str, object] = {}

    def kind(self, kind: str) -> str:
        """The ROS 2 type of a ROS 1 type, which is defined from then on; ValueError if it is defined nowhere."""
        from rosbags.convert.converter import STATIC_MSGTYPE_RENAMES
        from rosbags.typesys import get_types_from_msg

        if kind not in self._kinds:
            new = STATIC_MSGTYPE_RENAMES.get(kind, kind)
            if new not in self._types.fielddefs:
                try:
                    text, _ = self.known.generate_msgdef(kind, ros_version=2)
                    parts = get_types_from_msg(text, new)
                    self._types.register({name: parts[name] for name in parts if name not in self._types.fielddefs})
                except Exception as error:  # the library's errors share no base class
                    raise ValueError("their type is not defined") from error
            self._kinds[kind] = new
        return self._kinds[kind]

    def converted(self, message: Message) -> Message:
        """The message in CDR; ValueError with the reason if it cannot be converted."""
        from rosbags.convert.converter import migrate_bytes

        kind, data = self.kind(message.kind), message.data
        stores = self.known, self._types
        try:
            cdr = migrate_bytes(*stores, message.kind, kind, self._cache, data, src_is2=False, dst_is2=True)
        except Exception as error:  # damaged bytes can make it raise anything
            raise ValueError("they are damaged") from error
        return replace(message, kind=kind, data=bytes(cdr), encoding="cdr")
