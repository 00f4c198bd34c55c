"""Contents of viewers' files, by the viewers' own readers, and a client of a Foxglove server."""

import json
import os
import socket
import struct
import time
from pathlib import Path


def rows(path: Path) -> dict[str, list[dict]]:
    """Rows of an .rrd, by entity and in the order of frames; "stamp" is in ns."""
    from rerun.chunk import RrdReader

    reader = RrdReader(path)
    assert len(reader.recordings()) == 1
    found: dict[str, list[dict]] = {}
    for chunk in reader.stream():
        if not chunk.is_static:
            batch = chunk.to_record_batch()
            stamps = batch.column("stamp").cast("int64").to_pylist()  # Python's own times end at microseconds
            lines = batch.drop_columns(["stamp"]).to_pylist()
            found.setdefault(chunk.entity_path, []).extend(
                {**line, "stamp": stamp} for line, stamp in zip(lines, stamps, strict=True)
            )
    return {entity: sorted(rows, key=lambda row: row["frame"]) for entity, rows in found.items()}


def messages(path: Path) -> dict[str, list]:
    """(log time, message) by topic, decoded by the schemas that the file brings."""
    from mcap.reader import make_reader
    from mcap_protobuf.decoder import DecoderFactory

    found: dict[str, list] = {}
    with path.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        for _, channel, message, decoded in reader.iter_decoded_messages():
            found.setdefault(channel.topic, []).append((message.log_time, decoded))
    return found


class FoxgloveClient:
    """Subscribes to everything that a server of this machine advertises, as Foxglove does with a layout."""

    def __init__(self, port: int, seconds: float = 30.0) -> None:
        """port: where a server will be within that many seconds."""
        self._end = time.monotonic() + seconds
        self._socket = self._connect(port)
        key = "dGhlIHNhbXBsZSBub25jZQ=="
        self._socket.sendall(
            f"GET / HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: foxglove.sdk.v1\r\n\r\n".encode()
        )
        self._stream = self._socket.makefile("rb")
        while self._stream.readline().strip():
            pass

    def _connect(self, port: int) -> socket.socket:
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=180)
            except OSError:
                if time.monotonic() > self._end:
                    raise
                time.sleep(0.05)

    def listen(self, found: dict[str, list[int]]) -> None:
        """Subscribes, and puts the log times of what comes into `found`, by topic, until the server ends."""
        names: dict[int, str] = {}
        while frame := self._read():
            kind, data = frame
            if kind == 1 and (said := json.loads(data))["op"] == "advertise":
                new = {channel["id"]: channel["topic"] for channel in said["channels"]}
                names |= new
                self._send({"op": "subscribe", "subscriptions": [{"id": i, "channelId": i} for i in new]})
            elif kind == 2 and data[0] == 1:  # message data
                subscription, log_time = struct.unpack("<IQ", data[1:13])
                found.setdefault(names[subscription], []).append(log_time)

    def _read(self) -> tuple[int, bytes] | None:
        """Opcode and payload of the next frame; None at the end."""
        try:
            head = self._stream.read(2)
            if len(head) < 2 or head[0] & 15 == 8:
                return None
            size = head[1] & 127
            if size >= 126:
                size = int.from_bytes(self._stream.read(2 if size == 126 else 8), "big")
            return head[0] & 15, self._stream.read(size)
        except OSError:
            return None

    def _send(self, said: dict) -> None:
        data, mask = json.dumps(said).encode(), os.urandom(4)
        size = bytes([128 | len(data)]) if len(data) < 126 else bytes([254]) + len(data).to_bytes(2, "big")
        self._socket.sendall(b"\x81" + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))
