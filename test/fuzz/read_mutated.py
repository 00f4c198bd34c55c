"""Reads damaged recordings and videos: python test/fuzz/read_mutated.py COUNT SEED [KIND...]

Prints, per kind, how many were refused, how many gave frames, and how many sentences were said. Ends with an error, and
the number of the input on stderr, when one does not answer in sentences, takes more than SECONDS or more than MEMORY.
"""

import json
import resource
import signal
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "test/support")]
from made_bags import file_of, images  # noqa: E402
from made_videos import write_timed_video  # noqa: E402
from mutation import change  # noqa: E402

from handos_model.io.inputs import open_inputs  # noqa: E402

SECONDS = 5
MEMORY = 2**30
LONGEST = 1500  # characters of a sentence
BAGS = {
    "sqlite": ("SQLITE3", ""), "sqlite-message": ("SQLITE3", "message"), "sqlite-file": ("SQLITE3", "file"),
    "mcap": ("MCAP", ""), "mcap-zstd": ("MCAP", "storage"), "ros1": ("ROS1", ""), "ros1-lz4": ("ROS1", "lz4"),
    "ros1-bz2": ("ROS1", "bz2"),
}  # fmt: skip
VIDEOS = {"mp4": "mpeg4", "mkv": "libx264", "avi": "mjpeg", "webm": "libvpx", "mov": "libx264", "mpg": "mpeg2video"}
KINDS = (*BAGS, *VIDEOS)


def made(kind: str, folder: Path) -> Path:
    """A small good file of a kind."""
    if kind in BAGS:
        return file_of(images(folder, BAGS[kind][0], 6, BAGS[kind][1]))
    return write_timed_video(folder / f"v.{kind}", list(range(0, 480, 40)), VIDEOS[kind])


def said(path: Path) -> tuple[str, list[str]]:
    """What came of reading a file, and every sentence about it."""
    try:
        (source,) = open_inputs([str(path)], depth="auto")
    except ValueError as error:
        return "refused", [str(error)]
    frames = [(frame.image is None, frame.problem, frame.stamp_ns) for frame in source]
    assert all(stamp is None or 0 <= stamp < 2**63 for _, _, stamp in frames)
    return "read", [*source.notes, *(problem for missing, problem, _ in frames if missing)]


def check(sentences: list[str]) -> None:
    """Each is one line that a terminal shows as it is."""
    for sentence in sentences:
        assert sentence and len(sentence) < LONGEST and sentence.isprintable(), repr(sentence)


def attack(kind: str, count: int, seed: int) -> dict[str, int]:
    """What came of `count` damaged files of a kind."""
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError(f"took more than {SECONDS} s")))
    counts = {"refused": 0, "read": 0, "sentences": 0}
    with tempfile.TemporaryDirectory() as folder:
        good = made(kind, Path(folder))
        data, bad = good.read_bytes(), Path(folder, f"bad{''.join(good.suffixes)}")
        check(said(good)[1])
        usual = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        for number in range(count):
            bad.write_bytes(change([data], data, seed << 32 | number))
            signal.alarm(SECONDS)
            try:
                outcome, sentences = said(bad)
                check(sentences)
                assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - usual < MEMORY, (
                    "took too much memory"
                )
            except BaseException:
                print(f"{kind}, seed {seed}, number {number}", file=sys.stderr)
                raise
            signal.alarm(0)
            counts[outcome] += 1
            counts["sentences"] += len(sentences)
    return counts


if __name__ == "__main__":
    for name in sys.argv[3:] or KINDS:
        print(json.dumps({name: attack(name, int(sys.argv[1]), int(sys.argv[2]))}), flush=True)
