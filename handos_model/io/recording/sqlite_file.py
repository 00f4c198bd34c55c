"""SQLite files of rosbag2, read row by row, so that damaged pages cost no more than their own rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from handos_model.io.files import RECORDING, one_line, open_file
from handos_model.io.recording.parts import LARGEST_PIECE, ZSTD_MAGIC, Message, Topic, unpacked

STEPS_PER_BYTE, FREE_STEPS, STEPS_BETWEEN = 10, 10_000_000, 10_000
"""Maximum steps of SQLite's machine per byte of a file and in addition, since pages that lead to the same pages again
and again would keep it busy for ever (a row takes a dozen steps); and the steps between two checks of their number."""


class _Limit:
    """Tells SQLite whether a file has used up its steps."""

    def __init__(self, steps: int) -> None:
        self._left = steps // STEPS_BETWEEN

    def __call__(self) -> bool:
        self._left -= 1
        return self._left < 0


class SqliteFile:
    """Storage of .db3 files."""

    def __init__(self, path: Path) -> None:
        with open_file(path, RECORDING) as file:
            if file.read(16) != b"SQLite format 3\0":
                raise ValueError("it does not have the header of an SQLite file")
        # Without immutable, SQLite makes files next to it; with it, SQLite ignores a -wal file that is not yet merged.
        alone = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
        self._database = sqlite3.connect(f"file:{quote(bytes(path.absolute()))}?mode=ro{alone}", uri=True)
        size = path.stat().st_size
        self._database.set_progress_handler(_Limit(STEPS_PER_BYTE * size + FREE_STEPS), STEPS_BETWEEN)
        self._database.text_factory = lambda text: text.decode(errors="replace")
        try:
            # With this, a damaged index or a missing end does not matter.
            self._database.execute("PRAGMA writable_schema = ON")
            self._kinds = self._read_kinds()
        except (sqlite3.Error, ValueError, TypeError) as error:
            self._database.close()
            hint = "" if alone else f"; {path.name}-wal beside it can only be read in a folder that can be written to"
            raise ValueError(f"its list of topics cannot be read: {one_line(error)}{hint}") from error

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def _read_kinds(self) -> dict[int, tuple[str, str]]:
        """Name and type of each topic by its number."""
        # A view with one of these names could compute for ever, and a computed column fill the memory.
        made = "SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE TABLE %' AND name IN ('topics', 'messages')"
        tables = [name for (name,) in self._database.execute(made)]
        if sorted(tables) != ["messages", "topics"]:
            raise ValueError("it lacks the tables topics and messages")
        if any(column[6] for name in tables for column in self._database.execute(f"PRAGMA table_xinfo({name})")):
            raise ValueError("its tables topics and messages must not have computed columns")
        rows = self._database.execute("SELECT id, name, type, serialization_format FROM topics").fetchall()
        return {int(number): (str(name), str(kind)) for number, name, kind, encoding in rows if encoding == "cdr"}

    @property
    def topics(self) -> list[Topic]:
        """The topics; counts their messages one by one."""
        try:
            counts = dict(self._database.execute("SELECT topic_id, count(*) FROM messages GROUP BY topic_id"))
        except sqlite3.Error:
            counts = {}
        return [Topic(name, kind, counts.get(number, 0)) for number, (name, kind) in self._kinds.items()]

    def messages(self, topics: set[str]) -> Iterator[Message | ValueError]:
        """See Storage."""
        numbers = [number for number, (name, _) in self._kinds.items() if name in topics]
        last: int | None = -(2**63)
        while last is not None:
            try:
                for row in self._rows(last, numbers):
                    if not _is_after(row, last):
                        raise sqlite3.DatabaseError(f"row {row[0]} comes after row {last}")
                    last = row[0]
                    yield self._message(*row)
                return
            except sqlite3.Error as error:
                yield ValueError(f"rows after {max(last, 0)} are damaged: {one_line(error)}")
                last = self._next_readable(max(last, 0), numbers)

    def _next_readable(self, last: int, numbers: list[int]) -> int | None:
        """The row after which reading can resume; None if there is none. A damaged page may hold thousands of rows."""
        step = 1
        while not self._is_readable(last + step, numbers):
            step *= 2
            if last + step >= 2**62:
                return None
        least = step // 2
        while step - least > 1:
            middle = (least + step) // 2
            least, step = (least, middle) if self._is_readable(last + middle, numbers) else (middle, step)
        return last + step

    def _is_readable(self, last: int, numbers: list[int]) -> bool:
        """Whether a later row follows, or none; damage may lead back to earlier rows, for ever."""
        try:
            row = self._rows(last, numbers).fetchone()
        except sqlite3.Error:
            return False
        return row is None or _is_after(row, last)

    def _rows(self, last: int, numbers: list[int]) -> sqlite3.Cursor:
        marks = ", ".join("?" * len(numbers))
        return self._database.execute(
            f"SELECT rowid, topic_id, timestamp, CASE WHEN length(data) <= {LARGEST_PIECE} THEN data END "
            f"FROM messages NOT INDEXED WHERE rowid > ? AND topic_id IN ({marks}) ORDER BY rowid",
            (last, *numbers),
        )

    def _message(self, row: int, number: int, recorded: object, data: object) -> Message | ValueError:
        name, kind = self._kinds[int(number)]
        if not isinstance(recorded, int) or not isinstance(data, bytes):
            return ValueError(f"row {row}, of {one_line(name)}, holds no message of at most {LARGEST_PIECE} bytes")
        if data[:4] == ZSTD_MAGIC:  # rosbag2's compression by message; CDR begins with 0
            try:
                data = unpacked(data, "zstd")
            except ValueError as error:
                return ValueError(f"row {row}, of {one_line(name)}: {error}")
        return Message(name, kind, recorded, data, "cdr")


def _is_after(row: tuple, last: int) -> bool:
    """Whether a row has a number, and a later one: a column of the file may be called as the row's number is."""
    return isinstance(row[0], int) and row[0] > last
