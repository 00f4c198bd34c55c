"""Frames of videos: files of the kinds that FFmpeg reads, and network streams, with the times of their container."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.io.files import VIDEO, one_line, open_file
from handos_model.io.frame import LATEST_NS, MOST_FRAMES, Frame
from handos_model.io.headers.image_header import MAX_PIXELS
from handos_model.optional_package import missing

VIDEO_SUFFIXES = (
    ".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".mts", ".3gp", ".wmv", ".flv", ".ogv"
)  # fmt: skip
STREAM_PROTOCOLS = ("rtsp", "rtsps", "http", "https", "rtmp", "udp", "tcp", "srt")
STREAM_TIMEOUT = 10.0
"""Seconds to wait for a network stream to open, and then for each further piece of it."""
THREADED_PIXELS = 9_000_000
"""Largest frame that is decoded with one thread per frame, each of which holds several frames in memory."""
MOST_OBLONG = 4
"""Largest ratio of a pixel's edges that is believed; formats of video and lenses for wide pictures stay below 3."""
SQUARE_WITHIN = Fraction(1, 100)
"""Largest deviation from 1 of a pixel's ratio of edges that is passed over: software that rescales a video rounds its
size to whole or even pixels, and writes what that changed of the shape as a ratio, such as 640:639."""
_TIMED_OUT = "Immediate exit requested"  # what FFmpeg says after a timeout of PyAV
_LIMITS = {"max_pixels": str(MAX_PIXELS)}
_CONTAINERS = {"format_whitelist": "mov,matroska,avi,mpeg,mpegvideo,mpegts,flv,asf,ogg,h264,hevc,m4v,mjpeg"}
"""The only containers allowed of FFmpeg's 300, some of which are lists that open other files."""


class VideoSource:
    """Frames of one video file or network stream, upright as its metadata says, with the container's own times.

    Pixels are square, as cameras and everything else here assume: where they are stored oblong, the image is enlarged.
    What cannot be decoded yields a frame with a problem, and so does an end before the promised one. Raises ValueError
    for a file that is not a video, and ModuleNotFoundError without PyAV.
    """

    def __init__(self, place: Path | str) -> None:
        """place: the path of a file, or the address of a stream as a string."""
        self.name = str(place)
        self.notes: tuple[str, ...] = ()
        self._place = place
        with _opened(place) as container:
            stream = _video_stream(container, self.name)
            if _pixel_aspect(stream) is None:
                ratio = ":".join(map(str, stream.sample_aspect_ratio.as_integer_ratio()))
                about = f"the pixels of {one_line(self.name)} are taken for square"
                self.notes = (f"{about}: it declares them to be {ratio}, which cannot be",)
            rate = stream.average_rate or stream.guessed_rate
            self.fps: float | None = float(rate) if rate and 0 < rate < 10_000 else None
            seconds = _promised_seconds(container, stream)
            expected = (
                _promised_frames(stream) or stream.frames or (round(seconds * self.fps) if seconds and self.fps else 0)
            )
        self._count = min(max(expected, 0), MOST_FRAMES)

    def __len__(self) -> int:
        """Number of frames that the container promises; 0 if it does not say, as with a live stream."""
        return self._count

    def __iter__(self) -> Iterator[Frame]:
        try:
            with _opened(self._place) as container:
                yield from self._frames(container)
        except ValueError as error:
            yield Frame(self.name, None, problem=str(error))

    def _frames(self, container: Any) -> Iterator[Frame]:
        stream = _video_stream(container, self.name)
        upright_rgb = _UprightRgb(_pixel_aspect(stream) or Fraction(1))
        clock, index, read = _Clock(stream, self.fps), 0, 0
        for picture in _decoded(container, stream, clock):
            name = f"{self.name}#{index}"
            index += 1
            image = picture if isinstance(picture, ValueError) else upright_rgb(picture)
            if isinstance(image, ValueError):
                yield Frame(name, None, problem=f"cannot decode {one_line(name)}: {one_line(image)}")
            else:
                read += 1
                yield Frame(name, image, stamp_ns=clock.stamp_ns(picture))
        if problem := _early_end(read, clock, stream, _promised_seconds(container, stream)):
            yield Frame(f"{self.name}#{index}", None, problem=f"video {one_line(self.name)} {problem}")


class _Clock:
    """Times since the start of a video."""

    def __init__(self, stream: Any, fps: float | None) -> None:
        self._period_ns = round(1e9 / (fps or 30.0))
        self._start: int | None = stream.start_time
        self._last: int | None = None
        self.end_ns = 0
        """Time up to which there is data, whether or not it can be decoded."""
        self.longest_ns = self._period_ns
        """The longest time from one frame to the next."""

    def stamp_ns(self, picture: Any) -> int:
        """Time in ns of a decoded frame; one period after the last one if the container gives no plausible time."""
        stamp = self.reach(picture)
        if stamp is None:
            stamp = 0 if self._last is None else self._last + self._period_ns
            self.end_ns = max(self.end_ns, stamp + self._period_ns)
        if self._last is not None:
            self.longest_ns = max(self.longest_ns, stamp - self._last)
        self._last = stamp
        return stamp

    def reach(self, piece: Any) -> int | None:
        """Time in ns of a packet or frame, None if it has no plausible one; data is known to reach that far."""
        if piece.pts is None or not piece.time_base:
            return None
        if self._start is None:
            self._start = piece.pts
        stamp = round((piece.pts - self._start) * piece.time_base * 10**9)
        if not 0 <= stamp < LATEST_NS:
            return None
        self.end_ns = max(self.end_ns, stamp + self._period_ns)
        return stamp


@contextmanager
def _opened(place: Path | str) -> Iterator[Any]:
    """The container; Python opens a file itself, since FFmpeg would take some names for protocols."""
    try:
        import av
    except ModuleNotFoundError as error:
        raise missing(f"video {place}", "av") from error
    av.logging.set_level(None)  # FFmpeg's errors are reported as problems of frames
    with ExitStack() as stack:
        file = stack.enter_context(open_file(place, VIDEO)) if isinstance(place, Path) else None
        try:
            if file:
                container = av.open(file, metadata_errors="replace", options=_LIMITS | _CONTAINERS)
            else:
                options = _LIMITS | {"rtsp_transport": "tcp"}
                container = av.open(place, metadata_errors="replace", timeout=STREAM_TIMEOUT, options=options)
        except (av.FFmpegError, OSError, MemoryError) as error:
            refused = file and isinstance(error, av.error.ArgumentError)
            reason = "it is not a supported video" if refused else _reason(error)
            kind = "video" if file else "stream"
            raise ValueError(f"cannot read {kind} {one_line(place)}: {one_line(reason)}") from error
        yield stack.enter_context(container)


def _reason(error: Exception) -> str:
    said = getattr(error, "strerror", None) or str(error)
    return f"nothing came for {STREAM_TIMEOUT:g} s" if said == _TIMED_OUT else str(said)


def _video_stream(container: Any, name: str) -> Any:
    stream = container.streams.best("video")
    if stream is None or stream.codec_context is None:
        raise ValueError(f"cannot read video {one_line(name)}: it contains no images that FFmpeg can decode")
    stored = stream.codec_context.width, stream.codec_context.height
    width, height = _in_square_pixels(*stored, _pixel_aspect(stream) or Fraction(1))
    if not 0 < width * height <= MAX_PIXELS:
        size = f"{width}x{height}" if width * height else "of unknown size"  # or larger than FFmpeg was allowed
        raise ValueError(
            f"video {one_line(name)} is {size}, must have at most {MAX_PIXELS // 1_000_000} million pixels per frame"
        )
    stream.codec_context.options = _LIMITS  # a stream may grow later
    stream.thread_type = "AUTO" if width * height <= THREADED_PIXELS else "SLICE"
    return stream


def _pixel_aspect(stream: Any) -> Fraction | None:
    """Width of a stored pixel by its height; None if it is not plausible.

    It is 1 if it is nearly so, or if neither container nor codec gives it.
    """
    aspect: Fraction = stream.sample_aspect_ratio or Fraction(1)
    if 1 - SQUARE_WITHIN <= aspect <= 1 + SQUARE_WITHIN:
        return Fraction(1)
    return aspect if 1 / MOST_OBLONG <= aspect <= MOST_OBLONG else None


def _in_square_pixels(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """The size of an image once its pixels are square: one edge grows, so that no detail is lost."""
    return (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))


def _decoded(container: Any, stream: Any, clock: _Clock) -> Iterator[Any]:
    """Decoded frames in the order of their times, and a ValueError for each packet that cannot be decoded."""
    import av

    positions = _indexed_times(container, stream)
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            _correct_time(packet, positions)
            clock.reach(packet)
            pictures = packet.decode()
        except (av.FFmpegError, MemoryError, OSError) as error:
            yield ValueError(_reason(error))
            continue
        for picture in pictures:
            yield ValueError("its data is damaged") if picture.is_corrupt else picture


def _indexed_times(container: Any, stream: Any) -> dict[int, int]:
    """Times by position in the file of an AVI, whose packets have none: by counting, they would shift after a gap."""
    if container.format.name != "avi":
        return {}
    return {entry.pos: entry.timestamp for entry in stream.index_entries}


def _correct_time(packet: Any, times: dict[int, int]) -> None:
    if not times or packet.pos is None or packet.dts is None:
        return
    if (time := times.get(packet.pos, times.get(packet.pos - 8))) is not None:  # position of the chunk, or of its data
        shift = time - packet.dts
        packet.dts += shift
        packet.pts = None if packet.pts is None else packet.pts + shift


class _UprightRgb:
    """Converts decoded frames to RGB, with one converter for all: otherwise each would start its own threads."""

    def __init__(self, aspect: Fraction) -> None:
        """aspect: width of a stored pixel by its height."""
        from av.sidedata.sidedata import SideDataContainer
        from av.video.reformatter import VideoReformatter

        self._aspect = aspect
        self._converter = VideoReformatter()
        self._side_data: Any = SideDataContainer

    def __call__(self, picture: Any) -> np.ndarray | ValueError:
        """Image (H, W, 3) uint8 of square pixels, turned and mirrored as the display matrix of the metadata says."""
        width, height = _in_square_pixels(picture.width, picture.height, self._aspect)
        if width * height > MAX_PIXELS:  # frames may be larger than the stream said
            return ValueError(f"it is {width}x{height}")
        try:
            rgb = self._converter.reformat(picture, width, height, "rgb24", interpolation="BICUBIC", threads=1)
            image: np.ndarray = rgb.to_ndarray()
        except (ValueError, MemoryError, OSError) as error:
            return ValueError(str(error))
        # Not picture.side_data: it and the frame refer to each other, so both would stay until garbage collection.
        matrix = self._side_data(picture).get("DISPLAYMATRIX")
        if matrix is None:
            return image
        a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
        # A pixel (x, y) is shown at (a x + c y, b x + d y): the larger of a and b says whether the axes are swapped.
        if abs(b) > abs(a):
            image = image.transpose(1, 0, 2)
            a, d = c, b
        image = image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
        return np.ascontiguousarray(image)


def _promised_seconds(container: Any, stream: Any) -> float | None:
    """Duration of the pictures in s by the container's header; None if it does not give it separately."""
    import av

    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    end = None
    written = _matroska_tag(stream, "DURATION").split(":")  # 00:00:05.600000000
    try:
        hours, minutes, seconds = (float(part) for part in written)
        end = 3600 * hours + 60 * minutes + seconds
    except ValueError:
        if container.duration and len(container.streams) == 1:
            end = container.duration / av.time_base
    start = float((stream.start_time or 0) * stream.time_base) if stream.time_base else 0.0
    return None if end is None else max(end - start, 0.0)


def _matroska_tag(stream: Any, name: str) -> str:
    """The value of a tag that a muxer wrote for a stream, or empty; mkvmerge adds a language to the name."""
    return str(stream.metadata.get(name, stream.metadata.get(f"{name}-eng", "")))


def _early_end(read: int, clock: _Clock, stream: Any, promised: float | None) -> str:
    """How a video falls short of what its container promises, in words; empty if it does not."""
    if not read:
        return "contains no frame that can be decoded"
    missing = (promised or 0) - clock.end_ns / 1e9
    if missing * 1e9 > 1.5 * clock.longest_ns:
        return f"is truncated: it ends after {clock.end_ns / 1e9:.1f} of {promised:.1f} s, with {read} frames"
    frames = _promised_frames(stream)
    return f"is damaged: {frames - read} of its {frames} frames are missing" if frames > read else ""


def _promised_frames(stream: Any) -> int:
    """Number of frames to be shown; 0 if the container does not count them, or also counts others."""
    if stream.container.format.name == "avi":
        return int(stream.frames)
    written = _matroska_tag(stream, "NUMBER_OF_FRAMES")
    return int(written) if written.isascii() and written.isdigit() and len(written) < 10 else 0
