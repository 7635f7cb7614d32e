"""What a render was, room by room, so that another can be held against it.

In: a take or .perf, a pack, settings. Out: `Evidence`: digests of every picture, a few pictures and latents whole.
"""

import hashlib
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from perfkit.composite import StylizedFrame
from perfkit.control import ControlFrame
from perfkit.inference.job import read_performance
from perfkit.inference.render import render_take
from perfkit.inference.settings import RenderSettings, RuntimeSettings
from perfkit.pack import CharacterPack
from perfkit.provenance import Provenance, load_provenance
from perfkit.report import choose_moments
from perfkit.track import PerformanceTrack, is_perf, save_track
from perfkit.video import iterate_frames, iterate_sound_packets, open_take

NUM_KEPT = 8
THUMB_PX = 16


@dataclass(frozen=True, eq=False)
class PictureRow:
    """The pictures that went through one door.

    Attributes:
        digests: (T,) SHA-256 of every picture's size and bytes, hex.
        thumbs: (T, 16, 16, C) uint8, every picture made small.
        kept: Frame index -> (H, W, C) uint8, the chosen pictures whole.
    """

    digests: tuple[str, ...]
    thumbs: np.ndarray
    kept: dict[int, np.ndarray]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a render was.

    Attributes:
        track: What capture saw.
        control: (H, W, 3) pictures that the engine was shown.
        latents: Frame index -> (C, h, w) float32, what the chosen frames were decoded from.
        character: (H, W, 4) pictures that the engine gave.
        delivered: Pictures of the finished video, as a player decodes them.
        seconds: Their times, exact.
        sound: (start in seconds, SHA-256) of every packet of sound.
        provenance: How the video came to be.
    """

    track: PerformanceTrack
    control: PictureRow
    latents: dict[int, np.ndarray]
    character: PictureRow
    delivered: PictureRow
    seconds: tuple[Fraction, ...]
    sound: tuple[tuple[Fraction, str], ...]
    provenance: Provenance


class _Keeper:
    """Takes pictures in, keeps what a PictureRow holds of them; of a frame seen again, the last."""

    def __init__(self, chosen: frozenset[int]) -> None:
        self.chosen = chosen
        self.digests: dict[int, str] = {}
        self.thumbs: dict[int, np.ndarray] = {}
        self.kept: dict[int, np.ndarray] = {}

    def keep(self, index: int, image: np.ndarray) -> None:
        if index in self.chosen:
            self.kept[index] = image.copy()
        self.digests[index] = digest_array(image)
        self.thumbs[index] = cv2.resize(image, (THUMB_PX, THUMB_PX), interpolation=cv2.INTER_AREA)

    def finish(self) -> PictureRow:
        order = sorted(self.digests)
        thumbs = np.stack([self.thumbs[index] for index in order])
        return PictureRow(tuple(self.digests[index] for index in order), thumbs, self.kept)


class _Watcher:
    """The witness of a render; each of its keepers is fed by one thread."""

    def __init__(self, chosen: frozenset[int]) -> None:
        self.control, self.character = _Keeper(chosen), _Keeper(chosen)
        self.latents: dict[int, np.ndarray] = {}

    def see_control(self, frame: ControlFrame) -> None:
        self.control.keep(frame.index, frame.image_rgb)

    def see_character(self, frame: StylizedFrame) -> None:
        if frame.index in self.character.chosen and frame.latents_Chw is not None:
            self.latents[frame.index] = frame.latents_Chw.astype(np.float32)
        self.character.keep(frame.index, frame.image_rgba)


def gather_evidence(source: Path, pack: CharacterPack, settings: RenderSettings, runtime: RuntimeSettings) -> Evidence:
    """Render a take into a folder that is thrown away, and keep what it was.

    Args:
        source: A video, or a .perf captured from one (`runtime.take` then names the take, if its sound matters).
        pack: The character.
        settings: What changes pixels.
        runtime: What does not; its witness is this function's own.

    Raises:
        PerfkitError: What cannot be read, tracked, drawn or written, in one line.
    """
    with tempfile.TemporaryDirectory(prefix="perfkit-golden-") as folder:
        performance = read_performance(source, runtime)
        perf, out = Path(folder) / "take.perf", Path(folder) / ("out.mov" if settings.alpha else "out.mp4")
        save_track(performance.track, perf)
        watcher = _Watcher(choose_moments(len(performance.track), NUM_KEPT))
        take = runtime.take if is_perf(source) else source
        render_take(perf, pack, out, settings, replace(runtime, take=take, witness=watcher))
        video = open_take(out)
        delivered, seconds = _Keeper(watcher.control.chosen), []
        for index, pts, image in iterate_frames(video, with_alpha=settings.alpha):
            delivered.keep(index, image)
            seconds.append(pts * video.info.time_base)
        return Evidence(
            track=performance.track,
            control=watcher.control.finish(),
            latents=watcher.latents,
            character=watcher.character.finish(),
            delivered=delivered.finish(),
            seconds=tuple(seconds),
            sound=_digest_packets(iterate_sound_packets(video)),
            provenance=replace(load_provenance(out), source=source.name),
        )


def digest_array(array: np.ndarray) -> str:
    """Return the SHA-256 over an array's dtype, shape and bytes, hex."""
    digest = hashlib.sha256(f"{array.dtype} {array.shape} ".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _digest_packets(packets: Iterable[tuple[Fraction, bytes]]) -> tuple[tuple[Fraction, str], ...]:
    return tuple((start, hashlib.sha256(packet).hexdigest()) for start, packet in packets)
