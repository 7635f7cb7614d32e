"""What a render has made so far, kept beside its result until that is whole: one broken off goes on where it stood.

    .shot.mp4.work/
        identity                          what all this was made from
        take-DIGEST.perf                  the captured track
        000240-000480-DIGEST.segment      the character in frames 240 to 479

A file gets its name, with its SHA-256 in it, when it is whole: a kill costs the segment that was being made and nothing
else. One that does not keep to its name, as after a cut of the power, is made again.
In: a track, StylizedFrames as they pass. Out: the same in a later run, bit for bit.
"""

import contextlib
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from perfkit.composite import StylizedFrame
from perfkit.errors import MediaError
from perfkit.files import remove, unwritable, write_aside
from perfkit.inference.segment_file import SegmentWriter, read_segment
from perfkit.manifest import digest_file
from perfkit.queues import WriteBehind
from perfkit.track import PERF_SUFFIX, PerformanceTrack, load_track, save_track

SEGMENT_FRAMES = 240
"""Frames of a segment: what a kill costs at most, about ten seconds of a take."""
_IDENTITY = "identity"
_WRITE_BEHIND_FRAMES = 16


@dataclass(frozen=True)
class Segment:
    """A segment that is whole.

    Attributes:
        frames: Its frames.
        digest: SHA-256 of its file, hex.
    """

    frames: range
    digest: str


class WorkFolder:
    """What is kept of one render.

    Args:
        result: The video or folder that the render writes.
        segment_frames: Frames of a segment; 0 = as usual.
        on_segment: Called with every segment when it is whole.
        is_shared: Others are at work in it too: nothing of theirs is removed.
    """

    def __init__(
        self,
        result: Path,
        *,
        segment_frames: int = 0,
        on_segment: Callable[[Segment], None] | None = None,
        is_shared: bool = False,
    ) -> None:
        self.result = result
        self.path = work_path(result)
        self._segment_frames = segment_frames or SEGMENT_FRAMES
        self._on_segment = on_segment
        self._is_shared = is_shared
        self._is_open = False

    def open(self, identity: str) -> None:
        """Go on with what is kept, if it was made from the same; else begin anew. What was half written is removed.

        Raises:
            MediaError: The disk refuses; or a shared folder was made from something else.
        """
        marker = self.path / _IDENTITY
        text = f"{identity} {self._segment_frames}\n"
        try:
            is_same = marker.is_file() and marker.read_text() == text
            if self._is_shared and not is_same:
                raise MediaError(
                    f"{self.path}: begun with other files, versions or another processor than {platform.node()} has; "
                    "let machines that are alike share it"
                )
            if self._is_shared:
                return
            self._is_open = True
            if not is_same:
                self.remove()
                self.path.mkdir()
                with write_aside(marker) as aside:
                    aside.write_text(text)
            for stale in self.path.glob(".*.partial*"):
                remove(stale)
        except MediaError:
            raise
        except OSError as error:
            raise unwritable(self.path, error) from error

    def load_track(self) -> PerformanceTrack | None:
        """Return the captured track, if it is kept."""
        path = self._find("take", PERF_SUFFIX)
        return None if path is None else load_track(path)

    def keep_track(self, track: PerformanceTrack) -> None:
        """Keep a track.

        Raises:
            MediaError: The disk refuses.
        """
        path = self.path / f".take.partial{PERF_SUFFIX}"
        save_track(track, path)
        path.rename(self.path / f"take-{digest_file(path)}{PERF_SUFFIX}")

    def split(self, num_frames: int) -> list[range]:
        """Return the segments of a take."""
        size = self._segment_frames
        return [range(first, min(first + size, num_frames)) for first in range(0, num_frames, size)]

    def find_segment(self, frames: range) -> Segment | None:
        """Return a segment if it is there and whole."""
        path = self._find(_stem(frames), ".segment")
        return None if path is None else Segment(frames, path.stem.rpartition("-")[2])

    def read_segment(self, frames: range) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (frame, its picture) of a segment that is there."""
        path = self._find(_stem(frames), ".segment")
        assert path is not None
        yield from zip(frames, read_segment(path), strict=True)

    def keep_segments(self, characters: Iterable[StylizedFrame], segments: Sequence[range]) -> Iterator[StylizedFrame]:
        """Pass frames on and write them, segment after segment.

        Args:
            characters: The frames of the segments, in order.
            segments: Neighbours.

        Raises:
            MediaError: The disk refuses.
        """
        source = iter(characters)
        for frames in segments:
            writer = SegmentWriter(self.path, _stem(frames))
            with writer, WriteBehind(writer.write, depth=_WRITE_BEHIND_FRAMES) as out:
                for frame in islice(source, len(frames)):
                    out.put(frame.image_rgba)
                    yield frame
            if self._on_segment is not None:
                self._on_segment(Segment(frames, writer.digest))

    def remove(self) -> None:
        """Remove all that is kept; nothing if this run has not opened it, or shares it."""
        if self._is_open:
            remove(self.path)

    def remove_if_empty(self) -> None:
        """Remove the folder if it holds nothing that a later run could go on with."""
        if not any(path.suffix in (PERF_SUFFIX, ".segment") for path in self.path.glob("[!.]*")):
            self.remove()

    def _find(self, stem: str, suffix: str) -> Path | None:
        for path in self.path.glob(f"{stem}-*{suffix}"):
            if digest_file(path) == path.stem.removeprefix(f"{stem}-"):
                return path
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
        return None


def work_path(result: Path) -> Path:
    """Return the folder in which what a result is made of is kept until it is whole."""
    return result.with_name(f".{result.name}.work")


def _stem(frames: range) -> str:
    return f"{frames.start:07d}-{frames.stop:07d}"
