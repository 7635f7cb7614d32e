"""How loud a take is over time, and whether its sound is whole.

In: a Take. Out: `SoundLevels`, one row a frame of the picture.
"""

from dataclasses import dataclass

import numpy as np

from perfkit.ffmpeg import AudioFrame, FFmpegError, open_input, reason_of, sound_track
from perfkit.take import Take

SILENCE_DB = -60.0
_CLIPPED_LEVEL = 0.999


@dataclass(frozen=True, eq=False)
class SoundLevels:
    """A take's sound.

    Attributes:
        level_db: (T,) root mean square while each frame is on screen, dB of full scale, at least `SILENCE_DB`; NaN = no
            sound there.
        peak: Largest sample, 1 = full scale.
        clipped: Share of samples at full scale, 0..1.
        end_seconds: When the sound ends, on the picture's clock.
        fault: What broke while it was read; empty where all is well.
    """

    level_db: np.ndarray
    peak: float
    clipped: float
    end_seconds: float
    fault: str = ""


def measure_sound(take: Take, edges: np.ndarray) -> SoundLevels | None:
    """Measure a take's first sound track; None for a silent take.

    Args:
        take: The take.
        edges: (T + 1,) seconds at which frames begin, and the last one ends.
    """
    if take.info.audio is None:
        return None
    energy, count = np.zeros(len(edges) - 1), np.zeros(len(edges) - 1)
    peak, num_clipped, end_seconds, fault = 0.0, 0, float("nan"), ""
    with open_input(take.path) as container:
        stream = sound_track(container, take.info.audio.stream_index)
        try:
            for frame in container.decode(stream):
                assert isinstance(frame, AudioFrame)
                samples = _read_samples(frame)
                start = float(frame.pts * frame.time_base) if frame.pts is not None and frame.time_base else end_seconds
                seconds = start + np.arange(samples.shape[1]) / frame.sample_rate
                loudest = np.abs(samples).max(axis=0)
                rows = np.searchsorted(edges, seconds, side="right") - 1
                inside = (rows >= 0) & (rows < len(energy))
                power = (samples**2).mean(axis=0)[inside]
                energy += np.bincount(rows[inside], power, minlength=len(energy))
                count += np.bincount(rows[inside], minlength=len(count))
                peak = max(peak, float(loudest.max(initial=0.0)))
                num_clipped += int((loudest >= _CLIPPED_LEVEL).sum())
                end_seconds = start + samples.shape[1] / frame.sample_rate
        except FFmpegError as error:
            fault = f"the sound breaks after {end_seconds:.2f} s ({reason_of(error)})"
    mean = np.divide(energy, count, out=np.full(len(energy), np.nan), where=count > 0)
    level_db = 10 * np.log10(np.maximum(mean, 10 ** (SILENCE_DB / 10)))
    return SoundLevels(level_db, peak, num_clipped / max(1.0, float(count.sum())), end_seconds, fault)


def _read_samples(frame: AudioFrame) -> np.ndarray:
    """Return (channels, N) float64 in -1..1, whatever the codec's own format."""
    array = frame.to_ndarray()
    if not frame.format.is_planar:
        array = array.reshape(-1, len(frame.layout.channels)).T
    full_scale = {"u8": 128.0, "s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63}.get(frame.format.name.rstrip("p"), 1.0)
    return (array.astype(np.float64) - (128.0 if array.dtype == np.uint8 else 0.0)) / full_scale
