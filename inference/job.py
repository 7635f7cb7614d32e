"""What a render starts from, opened and checked: what can be refused is refused before the work begins.

In: paths, a CharacterPack, settings. Out: `Job`.
"""

import hashlib
import json
import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from perfkit.calibrate import Calibration, load_calibration
from perfkit.capture import capture_take
from perfkit.composite import TAKE, Background, make_background
from perfkit.errors import MediaError, SettingsError, TrackError
from perfkit.files import check_parent, check_target, is_same_place
from perfkit.inference.devices import choose_placement
from perfkit.inference.engine import Engine, EngineRequest, Lora, make_engine
from perfkit.inference.engines.exported import has_fast_bf16
from perfkit.inference.settings import RenderSettings, RuntimeSettings
from perfkit.inference.timing import StageClock, TimedEngine
from perfkit.inference.work_folder import WorkFolder
from perfkit.manifest import digest_file
from perfkit.pack import CharacterPack, load_pack
from perfkit.provenance import provenance_path, read_versions
from perfkit.take import Take
from perfkit.track import PerformanceTrack, is_perf, load_track
from perfkit.video import digest_take, open_take
from perfkit.video_formats import choose_format, refuse_alpha, refuse_hdr

_log = logging.getLogger(__name__)
DEFAULT_SETTINGS = RenderSettings()


@dataclass(frozen=True, eq=False)
class Performance:
    """What a performer did, and where it was seen.

    Attributes:
        source: The path that was given.
        track: What they did.
        take: The take, if it is there; a .perf may come without.
        notes: What was odd, one line each.
    """

    source: Path
    track: PerformanceTrack
    take: Take | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Job:
    """One render, all its inputs open.

    Attributes:
        performance: What the performer did.
        pack: The character.
        engine: The base network, made for the character.
        background: What lies behind the character.
        calibration: The performer's saved neutral face; None fits it to this take.
        settings: What changes pixels.
        runtime: What does not.
        work: What is kept of it until its result is whole.
        clock: Measures the stages.
    """

    performance: Performance
    pack: CharacterPack
    engine: Engine
    background: Background
    calibration: Calibration | None
    settings: RenderSettings
    runtime: RuntimeSettings
    work: WorkFolder
    clock: StageClock

    @property
    def hdr_transfer(self) -> str | None:
        """Transfer of the pictures where the take's HDR is passed; None: they are SDR."""
        take = self.performance.take
        if take is None or self.settings.hdr != "pass" or not take.info.color.is_hdr:
            return None
        return take.info.color.transfer if take.info.color.primaries == "bt2020" else None


def open_job(
    source: Path, pack: CharacterPack, work: WorkFolder, settings: RenderSettings, runtime: RuntimeSettings
) -> Job:
    """Open everything that a render needs; the take is captured last, when nothing else can be refused.

    The work folder goes on with what a render of the same, broken off, has kept in it.

    Raises:
        PerfkitError: What is not there, does not fit or cannot be written, in one line.
    """
    clock = StageClock()
    check_output(work.result, source, settings)
    if runtime.contact_sheet is not None:
        check_target(runtime.contact_sheet)
    needs_take = settings.side_by_side or settings.background == TAKE
    if needs_take and is_perf(source) and runtime.take is None:
        raise MediaError(f"{source}: background 'take' and side by side need the take's pictures; give the take too")
    settings = settle_precision(settings, runtime)
    with clock.measure("prepare"):
        engine = make_character_engine(pack, settings, runtime)
        background = make_background(settings.background, engine.canvas_wh)
        calibration = None if settings.calibration is None else load_calibration(settings.calibration)
    work.open(_identify(source, pack, engine, settings))
    with clock.measure("capture"):
        performance = read_performance(source, runtime, work)
    timed = TimedEngine(engine, clock)
    return Job(performance, pack, timed, background, calibration, settings, runtime, work, clock)


def _identify(source: Path, pack: CharacterPack, engine: Engine, settings: RenderSettings) -> str:
    """Return the SHA-256 over all that the kept track and pictures depend on, hex."""
    calibration = "" if settings.calibration is None else digest_file(settings.calibration)
    try:
        performance = digest_source(source)
    except OSError:
        performance = ""  # a .perf that cannot be read: reading it, which comes next, says why
    digests = [performance, pack.digest, engine.digest, calibration]
    text = json.dumps([read_versions(), digests, asdict(settings)], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def digest_source(source: Path) -> str:
    """Return its SHA-256, hex; what cannot be opened is not read to its end, which may be far away.

    Raises:
        PerfkitError: It is no take.
        OSError: It cannot be read.
    """
    if not is_perf(source):
        open_take(source)
    return digest_file(source)


def check_output(path: Path, source: Path, settings: RenderSettings = DEFAULT_SETTINGS) -> None:
    """Refuse before the work begins what would be refused at its end.

    Raises:
        MediaError: A suffix that is unknown or not of the preset, a format without the alpha or HDR that is asked
            for, no folder that may be written, or the source itself.
        SettingsError: HDR is to be passed where the take is not shown.
    """
    file_format = choose_format(path, preset=settings.preset)
    if path.suffix:
        check_target(path)
    check_parent(path)
    check_target(provenance_path(path))
    if is_same_place(path, source):
        raise MediaError(f"{path}: is the source itself; give the result another name")
    if settings.alpha and not file_format.has_alpha:
        raise refuse_alpha(path, preset=settings.preset)
    if settings.hdr == "pass":
        if not settings.shows_take:
            raise SettingsError(
                "hdr 'pass' is about the take's own pictures; show them: background take or side by side"
            )
        if not file_format.has_hdr:
            raise refuse_hdr(path)


def make_character_engine(
    pack: CharacterPack, settings: RenderSettings, runtime: RuntimeSettings, *, frames_per_call: int = 0
) -> Engine:
    """Make the engine for a pack, with its LoRA; `frames_per_call` as of `engine.EngineRequest`.

    Raises:
        RightsError: The character may not be rendered.
        PackError: The pack has no LoRA for the engine.
        WeightsError: Base or LoRA absent or damaged, or not made for each other.
    """
    pack.require_right("render")
    _warn_of_verdict(pack, settings)
    request = EngineRequest(
        caption=pack.prompt if settings.caption is None else settings.caption,
        loras=_find_loras(pack, settings),
        control_scale=settings.control_scale,
        precision=settle_precision(settings, runtime).precision,
        frames_per_call=frames_per_call,
    )
    make = make_engine if runtime.engines is None else runtime.engines.make_engine
    return make(settings.engine, request, runtime)


def settle_precision(settings: RenderSettings, runtime: RuntimeSettings) -> RenderSettings:
    """Return the settings with "auto" as this machine has it."""
    if settings.precision != "auto":
        return settings
    is_bf16 = choose_placement(runtime).backend == "openvino" and has_fast_bf16()
    return replace(settings, precision="bf16" if is_bf16 else "f32")


def _warn_of_verdict(pack: CharacterPack, settings: RenderSettings) -> None:
    lora = pack.loras.get(settings.engine)
    if lora is None or not settings.lora_scale or lora.verdict == "pass":
        return
    what = f"was judged {lora.verdict!r}" if lora.verdict else "was never judged"
    _log.warning("%s: its LoRA %s; see: perfkit character evaluate %s", pack.name, what, pack.folder)


def _find_loras(pack: CharacterPack, settings: RenderSettings) -> tuple[Lora, ...]:
    """Return the character's own LoRA, then those asked for besides; strength 0 leaves one out."""
    loras = [Lora(pack.lora_path(settings.engine), settings.lora_scale)] if settings.lora_scale else []
    for name, scale in settings.loras:
        path = Path(name)
        if path.suffix != ".safetensors":
            other = load_pack(name)
            other.require_right("render")
            path = other.lora_path(settings.engine)
        if scale:
            loras.append(Lora(path, scale))
    return tuple(loras)


def read_performance(source: Path, runtime: RuntimeSettings, work: WorkFolder | None = None) -> Performance:
    """Capture a take, or load a .perf and look at its take if that is given.

    A captured track is kept in the work folder, and taken from there the next time.

    Raises:
        PerfkitError: It cannot be read or tracked, or the take given is not the one that the .perf was captured from.
    """
    if not is_perf(source):
        take = open_take(source)
        track = None if work is None else work.load_track()
        if track is None:
            track = capture_take(source, on_progress=runtime.on_capture)
            if work is not None:
                work.keep_track(track)
        return Performance(source, track, take, track.notes)
    track = load_track(source)
    if runtime.take is None:
        note = f"{source.name}: its take is not given, so the video has no sound; name the take to have it"
        _log.warning(note)
        return Performance(source, track, None, (*track.notes, note))
    take = open_take(runtime.take)
    if digest_take(take) != track.take_digest:
        raise TrackError(
            f"{runtime.take}: is not the take that {source} was captured from (its digest differs); give that take, or "
            "capture anew"
        )
    seen_anew = tuple(note for note in take.info.notes if note not in track.notes)
    return Performance(source, track, take, (*track.notes, *seen_anew))
