"""The main job: a take, or a .perf captured from one, performed by a character. `render` is the table of contents.

In: a path, a CharacterPack, settings. Out: a video, its provenance beside it (VIDEO.json), a contact sheet if wanted.
Nothing appears under its name before it is whole; Ctrl-C leaves nothing behind.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from itertools import repeat
from pathlib import Path

import numpy as np

from perfkit.calibrate import load_calibration
from perfkit.capture import capture_take
from perfkit.composite import TAKE, StylizedFrame, composite, join_side_by_side, make_background
from perfkit.control import draw_control
from perfkit.errors import MediaError, TrackError
from perfkit.files import check_parent
from perfkit.inference.devices import choose_placement
from perfkit.inference.engine import Engine, EngineRequest, make_engine
from perfkit.inference.settings import DEFAULT_BACKGROUND, RenderSettings, RuntimeSettings
from perfkit.inference.stylize import count_window_frames, stylize
from perfkit.inference.timing import StageClock, TimedEngine
from perfkit.manifest import digest_file
from perfkit.pack import CharacterPack
from perfkit.provenance import Provenance, provenance_path, save_provenance
from perfkit.queues import ReadAhead, WriteBehind
from perfkit.report import Moment, choose_moments, make_moment, save_contact_sheet
from perfkit.retarget import RetargetSettings, retarget
from perfkit.take import Take
from perfkit.track import CharacterTrack, PerformanceTrack, load_track
from perfkit.video import digest_take, iterate_frames, open_take
from perfkit.video_write import FORMATS, VideoWriter

__all__ = ["RenderSettings", "RuntimeSettings", "draw_control_video", "render", "render_take"]

DEFAULT_SETTINGS = RenderSettings()
DEFAULT_RUNTIME = RuntimeSettings()
PERF_SUFFIX = ".perf"
_READ_AHEAD_FRAMES = 8
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Job:
    """One render, all its inputs open.

    Attributes:
        source: The path that was given.
        performance: What the performer did.
        take: The take, if it is there; a .perf may come without.
        pack: The character.
        engine: The base network, made for the character.
        settings: What changes pixels.
        runtime: What does not.
        clock: Measures the stages.
        notes: What was odd so far.
    """

    source: Path
    performance: PerformanceTrack
    take: Take | None
    pack: CharacterPack
    engine: Engine
    settings: RenderSettings
    runtime: RuntimeSettings
    clock: StageClock
    notes: tuple[str, ...] = ()


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
    clock = StageClock()
    with clock.measure("total"):
        check_output(out_path, has_alpha=settings.alpha)
        if runtime.contact_sheet is not None:
            check_parent(runtime.contact_sheet)
        with clock.measure("prepare"):
            engine = make_character_engine(pack, settings, runtime)
        with clock.measure("capture"):
            performance, take, notes = read_performance(Path(source), runtime)
        if take is None and _needs_take(settings):
            raise MediaError(
                f"{source}: background 'take' and side by side need the take's pictures; give the take too"
            )
        timed = TimedEngine(engine, clock)
        job = Job(Path(source), performance, take, pack, timed, settings, runtime, clock, notes)
        result = render(job, out_path)
    if runtime.contact_sheet is not None:
        title = f"{Path(source).name}  -  {pack.name}"
        save_contact_sheet(result.moments, runtime.contact_sheet, title=title)
    save_provenance(_describe(job, out_path, result), provenance_path(out_path))
    return out_path


@dataclass(frozen=True)
class Written:
    """What `render` wrote.

    Attributes:
        size_wh: Size of the pictures, px.
        moments: Columns for the contact sheet; none if none is wanted.
        notes: What was done to the sound.
    """

    size_wh: tuple[int, int]
    moments: list[Moment]
    notes: tuple[str, ...]


def render(job: Job, out_path: Path) -> Written:
    """Go from the performance to the finished video, one line per arrow; pixels pass by frame for frame.

    Raises:
        PerfkitError: What cannot be drawn or written, in one line.
    """
    with job.clock.measure("retarget"):
        character = retarget_performance(
            job.performance, job.pack, settings=job.settings.retarget, calibration_path=job.settings.calibration
        )
    with ExitStack() as stack, job.clock.measure("render"):
        controls = _ahead(
            stack,
            job,
            "control",
            draw_control(character, style=job.engine.control_style, image_wh=job.engine.canvas_wh),
        )
        window_frames = count_window_frames(job.engine, job.runtime.window_frames)
        stylized = stylize(controls, job.engine, job.settings, window_frames=window_frames)
        characters = stack.enter_context(ReadAhead(stylized, depth=window_frames))
        pictures = _composite_frames(characters, _iterate_take(stack, job), job)
        return _write(pictures, job, out_path)


def make_character_engine(pack: CharacterPack, settings: RenderSettings, runtime: RuntimeSettings) -> Engine:
    """Make the engine for a pack, with its LoRA.

    Raises:
        PackError: The pack has no LoRA for the engine.
        WeightsError: Base or LoRA absent or damaged, or not made for each other.
    """
    request = EngineRequest(
        caption=pack.prompt if settings.caption is None else settings.caption,
        lora_path=pack.lora_path(settings.engine) if settings.lora_scale else None,
        lora_scale=settings.lora_scale,
        control_scale=settings.control_scale,
        precision=settings.precision,
    )
    return make_engine(settings.engine, request, runtime)


def read_performance(source: Path, runtime: RuntimeSettings) -> tuple[PerformanceTrack, Take | None, tuple[str, ...]]:
    """Capture a take, or load a .perf and look at its take if that is given.

    Returns:
        The track, the take (None: not given), and notes.

    Raises:
        PerfkitError: It cannot be read or tracked, or the take given is not the one that the .perf was captured from.
    """
    if source.suffix.lower() != PERF_SUFFIX:
        take = open_take(source)
        return capture_take(source, on_progress=runtime.on_capture), take, take.info.notes
    performance = load_track(source)
    if runtime.take is None:
        note = f"{source.name}: its take is not given, so the video has no sound; name the take to have it"
        _log.warning(note)
        return performance, None, (note,)
    take = open_take(runtime.take)
    if digest_take(take) != performance.take_digest:
        raise TrackError(
            f"{runtime.take}: is not the take that {source} was captured from (its digest differs); give that take, or "
            "capture anew"
        )
    return performance, take, take.info.notes


def retarget_performance(
    performance: PerformanceTrack,
    pack: CharacterPack,
    *,
    settings: RetargetSettings | None = None,
    calibration_path: Path | None = None,
) -> CharacterTrack:
    """Give the performance to the character, measured from a saved neutral face or from the take's own."""
    calibration = None if calibration_path is None else load_calibration(calibration_path)
    settings = replace(settings or RetargetSettings(), canvas_wh=pack.canvas_wh)
    return retarget(performance, pack.rig, calibration=calibration, settings=settings)


def _ahead(stack: ExitStack, job: Job, stage: str, items: Iterable) -> Iterable:
    return stack.enter_context(ReadAhead(job.clock.iterate(stage, items), depth=_READ_AHEAD_FRAMES))


def _iterate_take(stack: ExitStack, job: Job) -> Iterable[np.ndarray | None]:
    """Return the take's pictures, frame for frame, or None for each where nobody looks at them."""
    wanted = _needs_take(job.settings) or job.runtime.contact_sheet is not None
    if job.take is None or not wanted:
        return repeat(None)
    pictures = (image_rgb for _, _, image_rgb in iterate_frames(job.take))
    return _ahead(stack, job, "decode", pictures)


def _composite_frames(
    characters: Iterable[StylizedFrame], take_pictures: Iterable[np.ndarray | None], job: Job
) -> Iterator[tuple[int, np.ndarray, Moment | None]]:
    """Yield (index, picture to write, column of the contact sheet if this is one of its moments)."""
    settings = job.settings
    wants_sheet = job.runtime.contact_sheet is not None
    chosen = choose_moments(len(job.performance)) if wants_sheet else frozenset()
    spec = DEFAULT_BACKGROUND if settings.alpha else settings.background
    background = make_background(spec, job.engine.canvas_wh)
    for frame, take_rgb in zip(characters, take_pictures, strict=False):
        with job.clock.measure("composite"):
            moment, is_chosen = None, frame.index in chosen
            image = frame.image_rgba
            if not settings.alpha or is_chosen:
                character_rgb = composite(frame.image_rgba, background(frame.seconds, take_rgb))
                image = image if settings.alpha else character_rgb
            if is_chosen:
                moment = make_moment(frame.seconds, take_rgb, character_rgb)
            if settings.side_by_side and take_rgb is not None:
                image = join_side_by_side(take_rgb, image)
        yield frame.index, image, moment


def _write(pictures: Iterator[tuple[int, np.ndarray, Moment | None]], job: Job, out_path: Path) -> Written:
    times, num_done = job.performance.times, 0
    moments: list[Moment] = []
    size_wh = (0, 0)
    with VideoWriter(out_path, time_base=times.time_base, rate_fps=times.rate_fps, sound_from=job.take) as writer:

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
                f"{job.source}: the take gave {num_done} pictures, its track has {len(times)} frames; capture it anew"
            )
    return Written(size_wh, moments, tuple(writer.notes))


def draw_control_video(
    source: str | Path,
    pack: CharacterPack,
    out_path: str | Path,
    *,
    style: str = "nano",
    runtime: RuntimeSettings = DEFAULT_RUNTIME,
    calibration: Path | None = None,
) -> Path:
    """Write the control pictures that an engine would be shown, as a video.

    Raises:
        PerfkitError: What cannot be read, tracked or written, in one line.
    """
    out_path = Path(out_path)
    check_output(out_path)
    performance, take, _ = read_performance(Path(source), runtime)
    times = performance.times
    controls = draw_control(retarget_performance(performance, pack, calibration_path=calibration), style=style)
    with (
        VideoWriter(out_path, time_base=times.time_base, rate_fps=times.rate_fps, sound_from=take) as writer,
        ReadAhead(controls, depth=_READ_AHEAD_FRAMES) as frames,
    ):
        for frame in frames:
            writer.write(frame.image_rgb, int(times.pts[frame.index]))
            if runtime.on_progress is not None:
                runtime.on_progress(frame.index + 1, len(times))
    return out_path


def check_output(path: Path, *, has_alpha: bool = False) -> None:
    """Refuse before the work begins what would be refused at its end.

    Raises:
        MediaError: Unknown suffix, a format without alpha, a folder that is not there or may not be written.
    """
    VideoWriter(path, time_base=Fraction(1))
    check_parent(path)
    suffix = path.suffix.lower()
    if has_alpha and suffix and not FORMATS[suffix].has_alpha:
        with_alpha = ", ".join(name for name, file_format in FORMATS.items() if file_format.has_alpha)
        raise MediaError(f"{path}: {suffix} has no alpha; use {with_alpha}, or no suffix for a folder of PNG")


def _needs_take(settings: RenderSettings) -> bool:
    return settings.side_by_side or (settings.background == TAKE and not settings.alpha)


def _describe(job: Job, out_path: Path, written: Written) -> Provenance:
    times, settings = job.performance.times, job.settings
    digests = {"take": job.performance.take_digest, "character": job.pack.digest, "engine": job.engine.digest}
    files = {"background": Path(settings.background), "calibration": settings.calibration}
    digests |= {name: digest_file(path) for name, path in files.items() if path is not None and path.is_file()}
    placement = choose_placement(job.runtime)
    return Provenance(
        result=out_path.name,
        source=job.source.name,
        character=job.pack.name,
        num_frames=len(times),
        num_frames_without_face=int((job.performance.face_confidence == 0).sum()),
        size_wh=written.size_wh,
        duration_seconds=round(float(times.seconds[-1] - times.seconds[0]), 6),
        digests=digests,
        settings=asdict(settings),
        runtime=asdict(placement),
        trackers=job.performance.trackers,
        stage_seconds=asdict(job.clock.read()),
        notes=(*job.notes, *written.notes),
    )
