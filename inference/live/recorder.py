"""A recording of a show: the character's video with sound, the camera's own pictures, and the .perf, all of one clock.

    Shown    --VideoWriter--> NAME.mp4 (or .mov with alpha) --+
    Acted    --JpegWriter---> NAME.take.mkv ------------------+-- sound joined when it stops
             --observations-> NAME.perf                       |
    PCM      --silence before, cut after the start--> WAV ----+

In: what the threads of a show make. Out: three files, which appear whole or not at all. NAME.perf was captured from
NAME.take.mkv frame for frame, so the recording can be rendered again, slower and better: `perfkit render NAME.perf`.
"""

import contextlib
import queue
import shutil
import tempfile
import threading
import time
import wave
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from perfkit.capture.recording import track_from_observations
from perfkit.errors import MediaError, PerfkitError
from perfkit.files import make_folder
from perfkit.inference.live.acting import Acted
from perfkit.inference.live.drawing import Shown
from perfkit.track import save_track
from perfkit.video import digest_take, open_take
from perfkit.video_packets import MILLISECONDS, JpegWriter, join_sound
from perfkit.video_write import VideoWriter

_MAX_WAITING = 64
"""Frames that may wait for the disk and the encoder, about two seconds; what comes then is left out and counted."""
MAX_MINUTES = 60


@dataclass(frozen=True)
class Recording:
    """What a recording left.

    Attributes:
        files: Video, take, .perf.
        num_frames: Pictures of the character.
        num_left_out: Pictures that the disk or the encoder was too slow for.
    """

    files: tuple[Path, ...]
    num_frames: int
    num_left_out: int


class Recorder:
    """Records until it is stopped; its thread writes, `see_...` only hand over.

    Args:
        folder: Where the files go.
        has_alpha: Whether the video keeps its transparency (.mov) instead of the background (.mp4).
        trackers: As `PerformanceTrack.trackers`.

    Raises:
        MediaError: The folder can't be made or written.
    """

    def __init__(self, folder: Path, *, has_alpha: bool, trackers: dict[str, str]) -> None:
        make_folder(folder)
        self._folder, self._has_alpha, self._trackers = folder, has_alpha, trackers
        self._name = time.strftime("perfkit-%Y%m%d-%H%M%S")
        self._aside = Path(tempfile.mkdtemp(prefix=f".{self._name}-", dir=folder))
        self._waiting: queue.Queue[Callable[[], None] | None] = queue.Queue(maxsize=_MAX_WAITING)
        self._first_seconds: float | None = None
        self._seen: list[tuple[float, Acted]] = []
        self._jpegs: JpegWriter | None = None
        self._size_wh = (0, 0)
        self._sound = _Sound()
        self._num_frames = self.num_left_out = 0
        self._error: PerfkitError | None = None
        video = self._aside / f"video{'.mov' if has_alpha else '.mp4'}"
        self._writer = VideoWriter(video, time_base=MILLISECONDS)
        self._video = video
        self._stack = contextlib.ExitStack()
        self._thread = threading.Thread(target=self._work, name="perfkit-recorder", daemon=True)
        self._thread.start()

    def see_acted(self, acted: Acted) -> None:
        """Take a camera picture and what was seen in it."""
        self._hand_over(lambda: self._write_acted(acted))

    def see_shown(self, shown: Shown) -> None:
        """Take a picture of the character."""
        self._hand_over(lambda: self._write_shown(shown))

    def hear(self, seconds: float, rate_hz: int, samples: np.ndarray) -> None:
        """Take sound that began at `seconds`, (N,) int16."""
        self._sound.add(seconds, rate_hz, samples)

    def stop(self) -> Recording:
        """End, finish the files and name them.

        Raises:
            MediaError: Nothing was recorded, or the disk refused.
        """
        self._waiting.put(None)
        self._thread.join()
        try:
            if self._error is not None:
                raise self._error
            if self._first_seconds is None or self._num_frames == 0:
                raise MediaError("recording: not one picture of the character came; wait for the camera, then record")
            return self._finish(self._first_seconds)
        finally:
            self._stack.close()
            shutil.rmtree(self._aside, ignore_errors=True)

    def _hand_over(self, write: Callable[[], None]) -> None:
        try:
            self._waiting.put_nowait(write)
        except queue.Full:
            self.num_left_out += 1

    def _work(self) -> None:
        while (write := self._waiting.get()) is not None:
            if self._error is not None:
                continue
            try:
                write()
            except PerfkitError as error:
                self._error = error

    def _write_acted(self, acted: Acted) -> None:
        image_rgb = acted.frame.image_rgb
        assert image_rgb is not None
        size_wh = (image_rgb.shape[1], image_rgb.shape[0])
        if self._jpegs is None:
            self._first_seconds, self._size_wh = acted.frame.seconds, size_wh
            self._jpegs = self._stack.enter_context(JpegWriter(self._aside / "pictures.mkv", size_wh))
        if size_wh == self._size_wh and (not self._seen or self._pts(acted) > self._pts(self._seen[-1][1])):
            slim = replace(acted, frame=replace(acted.frame, image_rgb=None, jpeg=None), control_rgb=np.empty(0))
            self._jpegs.write(replace(acted.frame, image_rgb=image_rgb).encode(), self._pts(acted))
            self._seen.append((acted.frame.seconds, slim))

    def _write_shown(self, shown: Shown) -> None:
        if self._first_seconds is None or shown.acted.frame.seconds < self._first_seconds:
            return
        if self._num_frames == 0:
            self._stack.enter_context(self._writer)
        self._writer.write(shown.image_rgba if self._has_alpha else shown.image_rgb, self._pts(shown.acted))
        self._num_frames += 1

    def _pts(self, acted: Acted) -> int:
        assert self._first_seconds is not None
        return round((acted.frame.seconds - self._first_seconds) * 1000)

    def _finish(self, first_seconds: float) -> Recording:
        self._stack.close()
        wav = self._sound.save(self._aside / "sound.wav", first_seconds, self._seen[-1][0])
        video = self._folder / f"{self._name}{self._video.suffix}"
        take, perf = self._folder / f"{self._name}.take.mkv", self._folder / f"{self._name}.perf"
        join_sound(self._video, wav, video)
        join_sound(self._aside / "pictures.mkv", wav, take)
        seen = [(seconds - first_seconds, acted.observation) for seconds, acted in self._seen]
        track = track_from_observations(seen, self._size_wh)
        save_track(replace(track, take_digest=digest_take(open_take(take)), trackers=self._trackers), perf)
        return Recording((video, take, perf), self._num_frames, self.num_left_out)


class _Sound:
    """Sound as it comes in chunks, laid on the pictures' clock."""

    def __init__(self) -> None:
        self._chunks: list[np.ndarray] = []
        self._num_samples = 0
        self._rate_hz = 0
        self._start_seconds = np.inf
        self._lock = threading.Lock()

    def add(self, seconds: float, rate_hz: int, samples: np.ndarray) -> None:
        """Take a chunk; a clock that was late for one chunk is not believed: the earliest decides."""
        with self._lock:
            if self._num_samples and rate_hz != self._rate_hz:
                return
            self._rate_hz = rate_hz
            if self._num_samples < MAX_MINUTES * 60 * rate_hz:
                self._start_seconds = min(self._start_seconds, seconds - self._num_samples / rate_hz)
                self._chunks.append(samples)
                self._num_samples += len(samples)

    def save(self, path: Path, first_seconds: float, last_seconds: float) -> Path | None:
        """Write a WAV file that begins at `first_seconds`; None without sound."""
        with self._lock:
            if not self._num_samples:
                return None
            samples = np.concatenate(self._chunks)
        offset = round((self._start_seconds - first_seconds) * self._rate_hz)
        samples = np.concatenate([np.zeros(max(0, offset), np.int16), samples[max(0, -offset) :]])
        samples = samples[: round((last_seconds - first_seconds + 0.1) * self._rate_hz)]
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self._rate_hz)
            file.writeframes(samples.astype("<i2").tobytes())
        return path
