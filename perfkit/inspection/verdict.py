"""From states to a verdict in plain words: what is wrong, when, how much it matters, what to reshoot.

In: what track, pictures and sound say. Out: `Finding`s, the gravest first. Bounds stand in one table each rule names.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from perfkit.charts import find_spans
from perfkit.inspection.picture_rows import PictureRows, find_cuts
from perfkit.inspection.sound_levels import SILENCE_DB, SoundLevels
from perfkit.inspection.track_states import CALM_UNREST, PROFILE_DEG, SMALL_PX, TrackStates
from perfkit.report import format_timecode
from perfkit.smoothing import BRIDGE_SECONDS
from perfkit.track import PerformanceTrack

SOFT_SHARPNESS = 0.16
"""Sharpness under which a face is out of focus: as blurred by a fiftieth of its width; 0.4 and more is crisp."""
BLURRED_SHARE = 0.55
"""Share of the take's own sharpness under which a frame is blurred by motion."""
DARK_LIGHT, LIT_CONTRAST = 45.0, 10.0
CLIPPED_SHARE = 0.15
SLOW_FPS = 20.0
_MOST_TIMES = 4
_QUIET_BLINKS_SECONDS = 12.0
_LOUD_CLIPPED = 1e-3


class Severity(IntEnum):
    """How much a finding matters."""

    FINE = 0
    CARE = 1
    RESHOOT = 2


@dataclass(frozen=True)
class Finding:
    """One thing to know about a take.

    Attributes:
        severity: How much it matters.
        name: A word for scripts, e.g. "lost".
        text: What is so, in plain words, with times.
        advice: What to do; empty where nothing is to be done.
    """

    severity: Severity
    name: str
    text: str
    advice: str = ""


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that a verdict goes by.

    Attributes:
        track: The performance.
        states: Read off it.
        pictures: Read off the take; None: only the track is there.
        sound: Read off the take; None: the take is silent, or only the track is there.
        edges: (T + 1,) seconds at which frames begin, and the last one ends.
        notes: What was odd in the file, one line each.
    """

    track: PerformanceTrack
    states: TrackStates
    pictures: PictureRows | None
    sound: SoundLevels | None
    edges: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long the take lasts."""
        return float(self.edges[-1] - self.edges[0])

    def longest(self, states: np.ndarray) -> float:
        """Return the seconds of the longest run of True."""
        return max((float(self.edges[stop] - self.edges[start]) for start, stop in find_spans(states)), default=0.0)

    def tell_times(self, states: np.ndarray) -> str:
        """Return when states are so, the longest runs first of all, e.g. "0:01.20-0:02.00 and 3 times more"."""
        spans = sorted(find_spans(states), key=lambda span: span[0] - span[1])
        first = sorted(spans[:_MOST_TIMES])
        texts = [self._tell_span(*span) for span in first]
        num_more = len(spans) - len(first)
        more = "" if not num_more else " and once more" if num_more == 1 else f" and {num_more} times more"
        return ", ".join(texts) + more

    def _tell_span(self, start: int, stop: int) -> str:
        begin, end = format_timecode(float(self.edges[start])), format_timecode(float(self.edges[stop]))
        return begin if stop == start + 1 else f"{begin}-{end}"


def judge(evidence: Evidence) -> list[Finding]:
    """Return the findings, the gravest first."""
    rules = (_judge_face, _judge_view, _judge_neutral, _judge_blinks, _judge_pictures, _judge_sound, _judge_file)
    findings = [finding for rule in rules for finding in rule(evidence)]
    return sorted(findings, key=lambda finding: -finding.severity)


def tell_verdict(findings: list[Finding]) -> str:
    """Return the verdict in one sentence."""
    grave = [finding.name for finding in findings if finding.severity is Severity.RESHOOT]
    doubtful = [finding.name for finding in findings if finding.severity is Severity.CARE]
    if grave:
        return f"Reshoot: {', '.join(grave)}."
    if doubtful:
        return f"Can be rendered; look at: {', '.join(doubtful)}."
    return "Ready to render."


def find_blurred(pictures: PictureRows, states: TrackStates) -> np.ndarray:
    """Return (T,) bool: frames much softer than the take's sharp ones, or soft altogether; small faces always are."""
    known = pictures.sharpness[np.isfinite(pictures.sharpness)]
    usual = float(np.quantile(known, 0.8)) if len(known) else 0.0
    is_soft = np.nan_to_num(pictures.sharpness, nan=np.inf) < max(SOFT_SHARPNESS, BLURRED_SHARE * usual)
    return is_soft & ~states.is_small


def find_clipped(pictures: PictureRows) -> np.ndarray:
    """Return (T,) bool: frames whose face is burnt out or black in part."""
    return np.nan_to_num(pictures.clipped) > CLIPPED_SHARE


def find_dark(pictures: PictureRows) -> np.ndarray:
    """Return (T,) bool: frames whose face is too dark or too flat to be read."""
    light, contrast = (np.nan_to_num(values, nan=np.inf) for values in (pictures.light, pictures.contrast))
    return (light < DARK_LIGHT) | (contrast < LIT_CONTRAST)


def _judge_face(evidence: Evidence) -> Iterator[Finding]:
    states = evidence.states
    lost = ~states.is_found
    if lost.any():
        share, longest = float(lost.mean()), evidence.longest(lost)
        text = (
            f"No face in {lost.sum()} of {len(lost)} frames ({evidence.tell_times(lost)}), up to {longest:.1f} s long."
        )
        if longest <= BRIDGE_SECONDS and share <= 0.1:
            yield Finding(Severity.CARE, "lost", text, "Short gaps are bridged; look at these places in the render.")
        else:
            grave = share > 0.25 or longest > 2.0
            advice = "There the character eases to its neutral face. Keep the face lit, whole and towards the camera."
            yield Finding(Severity.RESHOOT if grave else Severity.CARE, "lost", text, advice)
    else:
        yield Finding(Severity.FINE, "found", f"The face is found in all {len(lost)} frames.")
    if states.is_occluded.any():
        times = evidence.tell_times(states.is_occluded)
        text = f"A hand covers part of the face in {states.is_occluded.sum()} frames ({times})."
        advice = "What lies under it is guessed. If it is not meant, reshoot with the hands lower."
        grave = states.is_occluded.mean() > 0.6
        yield Finding(Severity.RESHOOT if grave else Severity.CARE, "covered", text, advice)


def _judge_view(evidence: Evidence) -> Iterator[Finding]:
    states = evidence.states
    num_found = max(1, int(states.is_found.sum()))
    height = float(np.nanmedian(states.face_height_px)) if states.is_found.any() else 0.0
    small_share = states.is_small.sum() / num_found
    if small_share > 0.05:
        text = (
            f"The face is small: {height:.0f} px high, under {SMALL_PX} px in {100 * small_share:.0f} % of its frames."
        )
        advice = "Lids and lips are then guessed; arms and body still follow. Move the camera nearer: 150 px is good."
        yield Finding(Severity.RESHOOT if small_share > 0.5 else Severity.CARE, "too small", text, advice)
    else:
        yield Finding(Severity.FINE, "size", f"The face is {height:.0f} px high.")
    if states.is_lying:
        text = "The performer lies on their side in the picture; the render stands them up."
        yield Finding(Severity.FINE, "lying", text, "Look whether the camera's rotation was lost on the way.")
    if states.is_profile.any():
        share = states.is_profile.sum() / num_found
        text = (
            f"The head is turned away by more than {PROFILE_DEG:.0f} degrees in {states.is_profile.sum()} frames "
            f"({evidence.tell_times(states.is_profile)})."
        )
        advice = "Its far half is guessed. Let the performer play towards the camera, or move the camera round."
        yield Finding(Severity.RESHOOT if share > 0.4 else Severity.CARE, "profile", text, advice)
    if states.is_cut.mean() > 0.02:
        text = f"The face leaves the picture in {states.is_cut.sum()} frames ({evidence.tell_times(states.is_cut)})."
        grave = states.is_cut.sum() / num_found > 0.3
        advice = "Frame wider, so that forehead and chin stay inside."
        yield Finding(Severity.RESHOOT if grave else Severity.CARE, "cut off", text, advice)


def _judge_neutral(evidence: Evidence) -> Iterator[Finding]:
    states = evidence.states
    if states.calibration_error:
        yield Finding(
            Severity.RESHOOT, "neutral", "Too few frames hold a face to find the performer's neutral one.",
            "Give a longer take, or render with --calibration of another take of the same performer.",
        )  # fmt: skip
        return
    times = ", ".join(format_timecode(float(evidence.edges[frame])) for frame in sorted(states.neutral_frames))
    if len(states.neutral_frames) and states.unrest[states.neutral_frames[0]] <= CALM_UNREST:
        yield Finding(Severity.FINE, "neutral", f"Calm, neutral frames at {times}.")
        return
    nearest = f", the nearest is at {times}" if times else ""
    text = f"No frame shows a calm, whole face{nearest}: the neutral one is pieced together."
    advice = "Let the performer look into the camera calmly, mouth shut, for two seconds; or use --calibration."
    yield Finding(Severity.CARE, "neutral", text, advice)


def _judge_blinks(evidence: Evidence) -> Iterator[Finding]:
    states = evidence.states
    if states.calibration_error:
        return
    num_blinks = len(states.blinks)
    if num_blinks:
        rate = 60 * num_blinks / evidence.seconds
        yield Finding(Severity.FINE, "blinks", f"{num_blinks} blink{'s' * (num_blinks > 1)} ({rate:.0f} a minute).")
    elif evidence.seconds > _QUIET_BLINKS_SECONDS:
        advice = "Look whether the performer's eyes do shut: glasses, a low rate or a small face hide blinks."
        yield Finding(Severity.CARE, "blinks", f"No blink in {evidence.seconds:.0f} s.", advice)
    else:
        yield Finding(Severity.FINE, "blinks", f"No blink in {evidence.seconds:.1f} s.")


def _judge_pictures(evidence: Evidence) -> Iterator[Finding]:
    pictures = evidence.pictures
    if pictures is None:
        text = "Blur, light, clipping and cuts are not judged: a .perf holds no pictures."
        yield Finding(Severity.FINE, "pictures", text, "Name the take with --take to have them judged.")
        return
    num_seen = max(1, int(np.isfinite(pictures.light).sum()))
    sharpness = float(np.nanmedian(pictures.sharpness)) if np.isfinite(pictures.sharpness).any() else float("nan")
    blurred = find_blurred(pictures, evidence.states)
    share = float(blurred.sum()) / num_seen
    if share > 0.03:
        soft = sharpness < SOFT_SHARPNESS
        text = f"The face is blurred in {blurred.sum()} frames ({evidence.tell_times(blurred)})."
        text = "The face is soft throughout: out of focus, too far compressed, or enlarged." if soft else text
        advice = "Focus on the eyes; a shutter of 1/100 s or shorter keeps fast moves sharp."
        yield Finding(Severity.RESHOOT if share > 0.6 else Severity.CARE, "blurred", text, advice)
    for name, states, what in (
        ("clipped", find_clipped(pictures), "burnt out or black in part"),
        ("dark", find_dark(pictures), "too dark or too flat to be read"),
    ):
        share = float(states.sum()) / num_seen
        if share > 0.05:
            text = f"The face is {what} in {states.sum()} frames ({evidence.tell_times(states)})."
            advice = "Light the face softly from the front and expose for the skin."
            yield Finding(Severity.RESHOOT if share > 0.6 else Severity.CARE, name, text, advice)
    cuts = find_cuts(pictures.change)
    if len(cuts):
        times = ", ".join(format_timecode(float(evidence.edges[frame])) for frame in cuts[:_MOST_TIMES])
        text = f"The picture jumps at {times}{' ...' if len(cuts) > _MOST_TIMES else ''}: a cut, or frames are missing."
        yield Finding(Severity.CARE, "cut", text, "Give each shot as a take of its own.")
    if np.isfinite(sharpness):
        light = float(np.nanmedian(pictures.light)) / 2.55
        text = f"Light on the face {light:.0f} %, sharpness {sharpness:.2f}."
        yield Finding(Severity.FINE, "light", text)


def _judge_sound(evidence: Evidence) -> Iterator[Finding]:
    if evidence.pictures is None:
        return
    sound = evidence.sound
    if sound is None:
        yield Finding(Severity.FINE, "sound", "The take has no sound.")
        return
    if sound.fault:
        advice = "Export the sound again, or the render's will end there."
        yield Finding(Severity.CARE, "sound", f"The take's sound is damaged: {sound.fault}.", advice)
    loud = sound.level_db[np.isfinite(sound.level_db)]
    if not len(loud) or loud.max() <= SILENCE_DB:
        advice = "Was the microphone on?"
        yield Finding(Severity.CARE, "sound", "The sound track is silent from beginning to end.", advice)
        return
    if sound.clipped > _LOUD_CLIPPED:
        text = f"The sound is overdriven: {100 * sound.clipped:.1f} % of its samples are at full scale."
        yield Finding(Severity.CARE, "sound", text, "Lower the microphone's gain.")
    short = float(evidence.edges[-1]) - sound.end_seconds
    if short > 0.5:
        text = f"The sound ends {short:.1f} s before the picture."
        yield Finding(Severity.CARE, "sound", text, "Look whether the take was cut short.")
    yield Finding(
        Severity.FINE, "sound", f"Sound up to {loud.max():.0f} dB, peak {20 * np.log10(max(sound.peak, 1e-6)):.0f} dB."
    )


def _judge_file(evidence: Evidence) -> Iterator[Finding]:
    rate = float(evidence.track.times.rate_fps)
    if 0 < rate < SLOW_FPS:
        text = f"{rate:.1f} frames/s: a blink lasts three frames at 25 frames/s, here it may fall between two."
        yield Finding(Severity.CARE, "slow", text, "Record 25 frames/s or more.")
    if evidence.seconds < 1.0:
        text = f"The take lasts {evidence.seconds:.1f} s: little to find a neutral face in."
        yield Finding(Severity.CARE, "short", text, "Render it with --calibration of a longer take.")
    steps = np.diff(evidence.edges[:-1])
    if len(steps) and steps.max() > max(3 * float(np.median(steps)), 0.1):
        gap = int(steps.argmax())
        time = format_timecode(float(evidence.edges[gap]))
        text = f"Frames are missing: {steps.max():.2f} s without a picture at {time}."
        yield Finding(Severity.CARE, "gap", text, "The motion jumps there; look whether the camera dropped frames.")
    for note in evidence.notes:
        yield Finding(Severity.FINE, "file", f"{note[:1].upper()}{note[1:]}.")
