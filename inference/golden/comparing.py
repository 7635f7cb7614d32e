"""One render's evidence against another's, tier by tier.

In: two `Evidence`. Out: a `Comparison`: which tier broke first, at which frame, and what changed in between.

    track    what capture saw                          equal, number for number
    control  what the engine was shown                 equal, pixel for pixel
    latents  what the frames were decoded from         cosine
    pixels   what the engine gave                      largest difference, SSIM; every frame made small
    time     when the video shows its frames           equal, exact fractions
    picture  what a player decodes from the video      as pixels, and tolerant of the codec
    sound    the packets and their times               equal

Tiers stand in the order in which a render passes them: the first that broke is where to look.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from perfkit.inference.golden.evidence import Evidence, PictureRow
from perfkit.metrics.pictures import composite_over_grey, measure_ssim
from perfkit.report import format_timecode
from perfkit.track import PerformanceTrack
from perfkit.vocabulary import BLENDSHAPES

TIERS = ("track", "control", "latents", "pixels", "time", "picture", "sound")
TRACK_ARRAYS = ("face", "blendshapes", "camera_from_head", "body", "hands", "face_confidence", "flags")
_SSIM_SIDE_PX = 11


@dataclass(frozen=True)
class Tolerance:
    """How far a render may be from the approved one, where it need not be equal.

    Set between what changes nothing one could see and what does, measured on two takes as two characters: another
    backend (PyTorch for OpenVINO) left cosine >= 0.999999, pixels within 1 level, small pictures within 1.0, delivered
    ones within 4.0 and SSIM >= 0.986; a LoRA 2 % stronger left cosine <= 0.99996, pixels 11 to 32, small pictures 2.7
    to 4.7 levels off; another colour matrix left delivered small pictures 15 levels off.

    Attributes:
        latents_cosine: Least cosine between the latents of a frame.
        pixel_difference: Largest difference of one value of the engine's pictures over grey, levels of 255.
        pixel_ssim: Least structural similarity of the engine's pictures.
        thumb_difference: Largest difference of the same pictures made small, in any frame, levels of 255.
        picture_difference: Largest difference of the delivered pictures made small, in any frame, levels of 255.
        picture_ssim: Least structural similarity of the delivered pictures.
    """

    latents_cosine: float = 0.99999
    pixel_difference: int = 8
    pixel_ssim: float = 0.998
    thumb_difference: int = 2
    picture_difference: int = 6
    picture_ssim: float = 0.975


DEFAULT_TOLERANCE = Tolerance()


@dataclass(frozen=True, eq=False)
class Tier:
    """What one tier found.

    Attributes:
        name: One of TIERS.
        finding: What was found, one line.
        failed: Frames outside the tolerance, in order; for sound, the frames during which it is wrong.
        is_broken: Whether the tier fails; it may without a frame of its own, as when a frame is missing.
    """

    name: str
    finding: str
    failed: tuple[int, ...] = ()
    is_broken: bool = False


@dataclass(frozen=True, eq=False)
class Comparison:
    """A render held against an approved one.

    Attributes:
        name: The golden's.
        tiers: All tiers, in order.
        changes: What changed since the golden was recorded: versions, digests, machine; one line each.
        seconds: (T,) times of the take's frames.
    """

    name: str
    tiers: tuple[Tier, ...]
    changes: tuple[str, ...]
    seconds: np.ndarray

    @property
    def first_broken(self) -> Tier | None:
        """The first tier that broke; None if the render is as approved."""
        return next((tier for tier in self.tiers if tier.is_broken), None)

    @property
    def passes(self) -> bool:
        """Whether the render is as approved."""
        return self.first_broken is None

    def __str__(self) -> str:
        """Tell the verdict, the tiers and the changes, a line each."""
        lines = [self.headline]
        for tier in self.tiers:
            lines.append(f"  {tier.name:<8} {'BROKEN' if tier.is_broken else 'ok':<7} {tier.finding}")
        lines += [
            "  changed since it was recorded:" if self.changes else "  nothing else changed since it was recorded"
        ]
        lines += [f"    {change}" for change in self.changes]
        return "\n".join(lines)

    @property
    def first_bad_frame(self) -> int | None:
        """The earliest frame that any tier finds outside its tolerance; None if there is none."""
        return min((index for tier in self.tiers for index in tier.failed), default=None)

    @property
    def headline(self) -> str:
        """The verdict in one line."""
        broken, index = self.first_broken, self.first_bad_frame
        if broken is None:
            return f"golden {self.name}: as approved"
        if index is None:
            return f"golden {self.name}: {broken.name} broke first"
        moment = f" ({format_timecode(float(self.seconds[index]))})" if index < len(self.seconds) else ""
        return f"golden {self.name}: {broken.name} broke first, first bad frame {index}{moment}"


def compare(name: str, approved: Evidence, found: Evidence, *, tolerance: Tolerance = DEFAULT_TOLERANCE) -> Comparison:
    """Hold a render against the approved one."""
    tiers = (
        _compare_tracks(approved.track, found.track),
        _compare_controls(approved.control, found.control),
        _compare_latents(approved.latents, found.latents, tolerance.latents_cosine),
        _compare_pictures(
            "pixels",
            (approved.character, found.character),
            small=tolerance.thumb_difference,
            ssim=tolerance.pixel_ssim,
            whole=tolerance.pixel_difference,
        ),
        _compare_times(approved.seconds, found.seconds),
        _compare_pictures(
            "picture",
            (approved.delivered, found.delivered),
            small=tolerance.picture_difference,
            ssim=tolerance.picture_ssim,
        ),
        _compare_sound(approved, found),
    )
    return Comparison(name, tiers, _list_changes(approved, found), approved.track.times.seconds)


def measure_small_differences(approved: PictureRow, found: PictureRow) -> np.ndarray:
    """Return (T,) the largest difference of every picture made small, over grey, in levels of 255."""
    count = min(len(approved.thumbs), len(found.thumbs))
    if approved.thumbs.shape[1:] != found.thumbs.shape[1:]:
        return np.full(count, 255.0)
    pair = [composite_over_grey(row.thumbs[:count]) for row in (approved, found)]
    return 255 * np.abs(pair[0] - pair[1]).reshape(count, -1).max(axis=1)


def _compare_tracks(approved: PerformanceTrack, found: PerformanceTrack) -> Tier:
    if len(approved) != len(found):
        return Tier("track", f"{len(found)} frames, {len(approved)} expected", (_first_missing(approved, found),), True)
    differs = {"times": approved.times.seconds != found.times.seconds}
    worst = ""
    for name in TRACK_ARRAYS:
        before, after = (getattr(track, name).reshape(len(track), -1) for track in (approved, found))
        is_other = ~((before == after) | (np.isnan(before.astype(float)) & np.isnan(after.astype(float))))
        if is_other.any():
            differs[name] = is_other.any(axis=1)
            columns = np.flatnonzero(is_other.any(axis=0))
            worst = worst or _name_column(name, int(columns[0]))
    frames = _frames(np.logical_or.reduce([np.asarray(each, bool) for each in differs.values()]))
    if not frames:
        return Tier("track", f"{len(found)} frames equal")
    names = ", ".join(name for name, each in differs.items() if np.any(each))
    where = f"; first {worst}" if worst else ""
    return Tier("track", f"{_count(frames, len(found))} differ in {names}{where}", frames, True)


def _name_column(array: str, column: int) -> str:
    """Return what a column of a track's flattened array holds."""
    if array == "blendshapes":
        return BLENDSHAPES[column]
    point_size = {"face": 3, "body": 4, "hands": 3}.get(array)
    return array if point_size is None else f"{array} point {column // point_size}"


def _first_missing(approved: PerformanceTrack, found: PerformanceTrack) -> int:
    count = min(len(approved), len(found))
    before, after = (track.times.seconds[:count] for track in (approved, found))
    differs = np.flatnonzero(before != after)
    return int(differs[0]) if len(differs) else count


def _compare_controls(approved: PictureRow, found: PictureRow) -> Tier:
    count = min(len(approved.digests), len(found.digests))
    frames = tuple(index for index in range(count) if approved.digests[index] != found.digests[index])
    total = len(approved.digests)
    if len(found.digests) != total:
        return Tier("control", f"{len(found.digests)} pictures, {total} expected", frames, True)
    if not frames:
        return Tier("control", f"{total} pictures equal")
    return Tier("control", f"{_count(frames, total)} are drawn otherwise", frames, True)


def _compare_latents(approved: Mapping[int, np.ndarray], found: Mapping[int, np.ndarray], least: float) -> Tier:
    cosines = {index: _cosine(latents, found[index]) for index, latents in approved.items() if index in found}
    if set(approved) != set(found):
        return Tier("latents", "the chosen frames are others", tuple(sorted(set(approved) ^ set(found))), True)
    if not cosines:
        return Tier("latents", "the engine gives none")
    frames = tuple(sorted(index for index, cosine in cosines.items() if cosine < least))
    finding = f"least cosine {min(cosines.values()):.6f}, {least:.5f} asked"
    return Tier("latents", finding, frames, bool(frames))


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Return the cosine between two latents; 1 where they are equal to the bit."""
    if one.shape != other.shape:
        return -1.0
    if np.array_equal(one, other):
        return 1.0
    a, b = one.astype(np.float64).ravel(), other.astype(np.float64).ravel()
    return float(a @ b) / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-30)


def _compare_pictures(
    name: str, rows: tuple[PictureRow, PictureRow], *, small: float, ssim: float, whole: int = 255
) -> Tier:
    """Hold every picture made small, and the kept ones whole, against the approved ones."""
    approved, found = rows
    total = len(approved.digests)
    if len(found.digests) != total:
        return Tier(name, f"{len(found.digests)} pictures, {total} expected", is_broken=True)
    if approved.digests == found.digests:
        return Tier(name, f"{total} pictures equal")
    differences = measure_small_differences(approved, found)
    failed = set(_frames(differences > small))
    worst_whole, worst_ssim = 0.0, 1.0
    for index in sorted(set(approved.kept) & set(found.kept)):
        difference, similarity = _compare_whole(approved.kept[index], found.kept[index])
        worst_whole, worst_ssim = max(worst_whole, difference), min(worst_ssim, similarity)
        if difference > whole or similarity < ssim:
            failed.add(index)
    frames = tuple(sorted(failed))
    allowed = f" ({whole} allowed)" if whole < 255 else ""
    finding = (
        f"{_count(frames, total)} differ too much; small pictures by up to {differences.max():.1f} levels "
        f"({small:g} allowed), chosen ones by up to {worst_whole:.0f}{allowed}, SSIM down to {worst_ssim:.4f} "
        f"({ssim:g} asked)"
    )
    return Tier(name, finding, frames, bool(frames))


def _compare_whole(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """Return the largest difference in levels, and SSIM (1 for pictures too small to have one)."""
    if before.shape != after.shape:
        return 255.0, 0.0
    difference = float(255 * np.abs(composite_over_grey(before) - composite_over_grey(after)).max())
    has_ssim = min(before.shape[:2]) >= _SSIM_SIDE_PX
    return difference, measure_ssim(after, before) if has_ssim else 1.0


def _compare_times(approved: tuple[Fraction, ...], found: tuple[Fraction, ...]) -> Tier:
    count = min(len(approved), len(found))
    frames = tuple(index for index in range(count) if approved[index] != found[index])
    if len(approved) != len(found):
        return Tier("time", f"{len(found)} frames, {len(approved)} expected", frames or (count,), True)
    if frames:
        index = frames[0]
        shift = float(found[index] - approved[index])
        return Tier("time", f"{_count(frames, count)} at another time, the first by {shift:+.4f} s", frames, True)
    return Tier("time", f"{count} times equal")


def _compare_sound(approved: Evidence, found: Evidence) -> Tier:
    before, after = approved.sound, found.sound
    if before == after:
        return Tier("sound", f"{len(after)} packets equal" if after else "silent, as approved")
    if len(before) != len(after):
        finding = f"{len(after)} packets, {len(before)} expected"
        return Tier("sound", finding, _frames_from(approved, before, after), True)
    starts = [float(b[0] - a[0]) for a, b in zip(before, after, strict=True)]
    is_moved = any(starts)
    finding = f"begins {starts[0]:+.4f} s off" if starts[0] else "packets move" if is_moved else "packets differ"
    return Tier("sound", finding, _frames_from(approved, before, after), True)


def _frames_from(
    approved: Evidence, before: tuple[tuple[Fraction, str], ...], after: tuple[tuple[Fraction, str], ...]
) -> tuple[int, ...]:
    """Return the frames on screen from the first packet that differs."""
    first = next((a[0] for a, b in zip(before, after, strict=False) if a != b), None)
    if first is None:
        longer = max(before, after, key=len)
        first = longer[min(len(before), len(after))][0]
    return tuple(index for index, seconds in enumerate(approved.seconds) if seconds >= first) or (
        len(approved.seconds) - 1,
    )


def _list_changes(approved: Evidence, found: Evidence) -> tuple[str, ...]:
    """Return what a render depends on that is not as it was, a line each."""
    changes = []
    for part in ("versions", "trackers", "digests", "runtime"):
        before, after = getattr(approved.provenance, part), getattr(found.provenance, part)
        for key in sorted(set(before) | set(after)):
            old, new = (_shorten(str(each.get(key, "absent"))) for each in (before, after))
            if str(before.get(key)) != str(after.get(key)):
                changes.append(f"{part[:-1] if part != 'runtime' else 'runtime'} {key}: {old} -> {new}")
    return tuple(changes)


def _shorten(text: str) -> str:
    """Return a text with its digest cut to twelve digits."""
    head, _, last = text.rpartition(" ")
    return f"{head} {last[:12]}".strip() if len(last) == 64 else text


def _frames(is_failed: np.ndarray) -> tuple[int, ...]:
    return tuple(int(index) for index in np.flatnonzero(is_failed))


def _count(frames: tuple[int, ...], total: int) -> str:
    return f"{len(frames)} of {total} frames"
