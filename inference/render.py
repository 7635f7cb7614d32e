"""The main job: a take, or a .perf captured from one, performed by a character. `render` is the table of contents.

In: a path, a CharacterPack, settings. Out: a video, its provenance beside it (VIDEO.json), a contact sheet if wanted.
Nothing appears under its name before it is whole. What is made is kept in a hidden work folder beside it until then:
a render that is broken off, by Ctrl-C, a kill or a full disk, goes on from there when the same is asked for again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import chain, groupby, repeat
from pathlib import Path
from typing import TypeVar

import numpy as np

from perfkit.calibrate import Calibration, load_calibration
from perfkit.composite import StylizedFrame, composite, join_side_by_side, show_in_hdr, show_in_sdr
from perfkit.control import ControlFrame, draw_control
from perfkit.errors import MediaError, PerfkitError
from perfkit.files import check_parent, is_disk_full, is_file, remove_stale_asides
from perfkit.inference.devices import choose_placement
from perfkit.inference.job import Job, check_output, make_character_engine, open_job, read_performance
from perfkit.inference.settings import RenderSettings, RuntimeSettings
from perfkit.inference.stylize import count_window_frames, stylize
from perfkit.inference.work_folder import WorkFolder
from perfkit.manifest import digest_file
from perfkit.pack import CharacterPack
from perfkit.provenance import Provenance, provenance_path, save_provenance
from perfkit.queues import ReadAhead, WriteBehind
from perfkit.report import Moment, choose_moments, make_moment, save_contact_sheet
from perfkit.retarget import RetargetSettings, retarget
from perfkit.track import CharacterTrack, PerformanceTrack
from perfkit.video import iterate_frames
from perfkit.video_write import VideoWriter

__all__ = ["RenderSettings", "RuntimeSettings", "draw_control_video", "make_character_engine", "render", "render_take"]

DEFAULT_SETTINGS = RenderSettings()
DEFAULT_RUNTIME = RuntimeSettings()
_READ_AHEAD_FRAMES = 8
_Item = TypeVar("_Item")


@dataclass(frozen=True, eq=False)
class Written:
    """What `render` wrote.

    Attributes:
        size_wh: Size of the pictures, px.
        moments: Columns for the contact sheet; none if none is wanted.
        notes: What was done to the sound.
    """

    size_wh: tuple[int, int]
    moments: tuple[Moment, ...]
    notes: tuple[str, ...]


def render_take(
    source: str | Path,
    pack: CharacterPack,
    out_path: str | Path,
    settings: RenderSettings = DEFAULT_SETTINGS,
    runtime: RuntimeSettings = DEFAULT_RUNTIME,
) -> Path:
    """Render a performance as a character.

    Args:
        source: A video, or a .perf captured from one.
        pack: The character.
        out_path: The video to write; its suffix decides the format.
        settings: What changes pixels.
        runtime: What does not: threads, cache, progress, contact sheet.

    Returns:
        The path of the video.

    Raises:
        PerfkitError: What cannot be read, tracked, drawn or written, in one line.
    """
    out_path = Path(out_path)
    check_parent(out_path)
    work = WorkFolder(out_path, segment_frames=runtime.segment_frames, on_segment=runtime.on_segment)
    with _cleared_up(work, runtime):
        remove_half_written(out_path, runtime.contact_sheet)
        job = open_job(Path(source), pack, work, settings, runtime)
        written = render(job, out_path)
        save_provenance(_describe(job, out_path, written), provenance_path(out_path))
        if runtime.contact_sheet is not None:
            title = f"{job.performance.source.name}  -  {pack.name}"
            save_contact_sheet(list(written.moments), runtime.contact_sheet, title=title)
    return out_path


def remove_half_written(out_path: Path, contact_sheet: Path | None) -> None:
    """Remove what killed renders left beside a result; nobody else may be making it."""
    for target in (out_path, provenance_path(out_path), contact_sheet):
        if target is not None:
            remove_stale_asides(target)


@contextmanager
def _cleared_up(work: WorkFolder, runtime: RuntimeSettings) -> Iterator[None]:
    """Remove the work folder when the block has ended, unless a later run can go on with what is in it."""
    try:
        yield
    except PerfkitError as error:
        if is_disk_full(error):
            work.remove_if_empty()
        else:
            work.remove()
        raise
    except BaseException:
        work.remove_if_empty()
        raise
    if not runtime.keeps_work:
        work.remove()


def render(job: Job, out_path: Path) -> Written:
    """Go from the performance to the finished video, one line per arrow; pixels pass by frame for frame.

    Raises:
        PerfkitError: What cannot be drawn or written, in one line.
    """
    with job.clock.measure("render"), ExitStack() as stack:
        character = retarget_job(job)
        characters = _run_ahead(stack, job, "stylize", _stylize(character, job), depth=_count_window_frames(job))
        pictures = _composite_frames(characters, _iterate_take(stack, job), job)
        return _write(pictures, job, out_path)


def draw_control_video(
    source: str | Path,
    pack: CharacterPack,
    out_path: str | Path,
    settings: RenderSettings = DEFAULT_SETTINGS,
    runtime: RuntimeSettings = DEFAULT_RUNTIME,
    *,
    style: str = "nano",
) -> Path:
    """Write the control pictures that an engine would be shown, as a video.

    Of the settings, those of calibration and retarget matter.

    Raises:
        PerfkitError: What cannot be read, tracked or written, in one line.
    """
    source, out_path = Path(source), Path(out_path)
    check_output(out_path, source)
    neutral = None if settings.calibration is None else load_calibration(settings.calibration)
    performance = read_performance(source, runtime)
    times = performance.track.times
    character = retarget_performance(performance.track, pack, settings=settings.retarget, calibration=neutral)
    controls = draw_control(character, style=style)
    with (
        VideoWriter(
            out_path, time_base=times.time_base, rate_fps=times.rate_fps or None, sound_from=performance.take
        ) as writer,
        ReadAhead(controls, depth=_READ_AHEAD_FRAMES) as frames,
    ):
        for frame in frames:
            writer.write(frame.image_rgb, int(times.pts[frame.index]))
            if runtime.on_progress is not None:
                runtime.on_progress(frame.index + 1, len(times))
    return out_path


def retarget_performance(
    track: PerformanceTrack,
    pack: CharacterPack,
    *,
    settings: RetargetSettings | None = None,
    calibration: Calibration | None = None,
) -> CharacterTrack:
    """Give the performance to the character, measured from a saved neutral face or from the take's own."""
    settings = replace(settings or RetargetSettings(), canvas_wh=pack.canvas_wh)
    return retarget(track, pack.rig, calibration=calibration, settings=settings)


def retarget_job(job: Job) -> CharacterTrack:
    """Give a job's performance to its character."""
    with job.clock.measure("retarget"):
        track, settings = job.performance.track, job.settings.retarget
        return retarget_performance(track, job.pack, settings=settings, calibration=job.calibration)


def _stylize(character: CharacterTrack, job: Job) -> Iterator[StylizedFrame]:
    """Yield the character's pictures: those kept by an earlier run are read, the others are made and kept."""
    characters = _iterate_characters(character, job)
    return characters if job.runtime.witness is None else _show(characters, job.runtime.witness.see_character)


def _iterate_characters(character: CharacterTrack, job: Job) -> Iterator[StylizedFrame]:
    seconds = character.times.seconds
    for is_missing, segments in groupby(
        job.work.split(len(character)), key=lambda frames: job.work.find_segment(frames) is None
    ):
        if not is_missing:
            for index, image_rgba in chain.from_iterable(map(job.work.read_segment, segments)):
                yield StylizedFrame(index, float(seconds[index]), image_rgba)
        else:
            yield from make_segments(character, job, list(segments))


def make_segments(character: CharacterTrack, job: Job, segments: Sequence[range]) -> Iterator[StylizedFrame]:
    """Yield the frames of neighbouring segments, made now and kept: the same pictures whatever lies around them.

    Raises:
        PerfkitError: What cannot be drawn or kept, in one line.
    """
    first, stop, reach = segments[0].start, segments[-1].stop, job.settings.context_frames
    frames = range(max(0, first - reach), min(stop + reach, len(character)))
    with ReadAhead(
        job.clock.iterate("control", _draw_control(character, frames, job)), depth=_READ_AHEAD_FRAMES
    ) as controls:
        window_frames = _count_window_frames(job)
        characters = stylize(controls, job.engine, job.settings, window_frames=window_frames, first=first)
        yield from job.work.keep_segments(characters, segments)


def _draw_control(character: CharacterTrack, frames: range, job: Job) -> Iterator[ControlFrame]:
    controls = draw_control(character, style=job.engine.control_style, image_wh=job.engine.canvas_wh, frames=frames)
    return controls if job.runtime.witness is None else _show(controls, job.runtime.witness.see_control)


def _show(items: Iterable[_Item], see: Callable[[_Item], None]) -> Iterator[_Item]:
    for item in items:
        see(item)
        yield item


def _count_window_frames(job: Job) -> int:
    return count_window_frames(job.engine, job.runtime.window_frames)


def _run_ahead(stack: ExitStack, job: Job, stage: str, items: Iterable, *, depth: int = _READ_AHEAD_FRAMES) -> Iterable:
    return stack.enter_context(ReadAhead(job.clock.iterate(stage, items), depth=depth))


def _iterate_take(stack: ExitStack, job: Job) -> Iterable[np.ndarray | None]:
    """Return the take's pictures, frame for frame, or None for each where nobody looks at them."""
    settings, take = job.settings, job.performance.take
    if take is None or not (settings.shows_take or job.runtime.contact_sheet is not None):
        return repeat(None)
    pictures = (image_rgb for _, _, image_rgb in iterate_frames(take, keeps_hdr=job.hdr_transfer is not None))
    return _run_ahead(stack, job, "decode", pictures)


def _composite_frames(
    characters: Iterable[StylizedFrame], take_pictures: Iterable[np.ndarray | None], job: Job
) -> Iterator[tuple[int, np.ndarray, Moment | None]]:
    """Yield (index, picture to write, column of the contact sheet if this is one of its moments)."""
    settings, hdr = job.settings, job.hdr_transfer
    wants_sheet = job.runtime.contact_sheet is not None
    chosen = choose_moments(len(job.performance.track)) if wants_sheet else frozenset()
    for frame, take_rgb in zip(characters, take_pictures, strict=False):
        with job.clock.measure("composite"):
            image, moment = show_in_hdr(frame.image_rgba, hdr), None
            if not settings.alpha or frame.index in chosen:
                character_rgb = composite(image, show_in_hdr(job.background(frame.seconds, take_rgb), hdr))
                image = image if settings.alpha else character_rgb
            if frame.index in chosen:
                moment = make_moment(frame.seconds, show_in_sdr(take_rgb, hdr), show_in_sdr(character_rgb, hdr))
            if settings.side_by_side and take_rgb is not None:
                image = join_side_by_side(take_rgb, image)
        yield frame.index, image, moment


def _write(pictures: Iterator[tuple[int, np.ndarray, Moment | None]], job: Job, out_path: Path) -> Written:
    times, take = job.performance.track.times, job.performance.take
    moments: list[Moment] = []
    num_done, size_wh = 0, (0, 0)
    with VideoWriter(
        out_path,
        time_base=times.time_base,
        rate_fps=times.rate_fps or None,
        sound_from=take,
        preset=job.settings.preset,
    ) as writer:

        def encode(item: tuple[np.ndarray, int]) -> None:
            with job.clock.measure("encode"):
                writer.write(*item)

        with WriteBehind(encode) as out:
            for index, image, moment in pictures:
                out.put((image, int(times.pts[index])))
                moments += [moment] if moment is not None else []
                size_wh = (image.shape[1], image.shape[0])
                num_done += 1
                if job.runtime.on_progress is not None:
                    job.runtime.on_progress(num_done, len(times))
        if num_done < len(times):
            raise MediaError(
                f"{job.performance.source}: the take gave {num_done} pictures, its track has {len(times)} frames; "
                "capture it anew"
            )
    return Written(size_wh, tuple(moments), tuple(writer.notes))


def _describe(job: Job, out_path: Path, written: Written) -> Provenance:
    track, settings = job.performance.track, job.settings
    digests = {"take": track.take_digest, "character": job.pack.digest, "engine": job.engine.digest}
    files = {"background": Path(settings.background), "calibration": settings.calibration}
    digests |= {name: digest_file(path) for name, path in files.items() if path is not None and is_file(path)}
    return Provenance(
        result=out_path.name,
        source=job.performance.source.name,
        character=job.pack.name,
        num_frames=len(track),
        num_frames_without_face=int((track.face_confidence == 0).sum()),
        size_wh=written.size_wh,
        duration_seconds=round(float(track.times.seconds[-1] - track.times.seconds[0]), 6),
        digests=digests,
        settings=asdict(settings),
        runtime={**asdict(choose_placement(job.runtime)), "window_frames": _count_window_frames(job)},
        trackers=track.trackers,
        stage_seconds=asdict(job.clock.read()),
        notes=(*job.performance.notes, *written.notes),
    )
