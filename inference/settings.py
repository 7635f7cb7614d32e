"""What a render is told: `RenderSettings` change pixels, `RuntimeSettings` do not.

Only the first enters a result's identity. Same `RenderSettings`, take and pack on one machine and backend: identical
pixels, whatever the threads, the window or the point of a resume.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perfkit.composite import TAKE
from perfkit.errors import SettingsError
from perfkit.retarget import RetargetSettings
from perfkit.video_formats import check_preset

if TYPE_CHECKING:
    from perfkit.inference.engine import EngineKeeper
    from perfkit.inference.witness import Witness
    from perfkit.inference.work_folder import Segment

DEFAULT_BACKGROUND = "#dfe6ea"
PRECISIONS = ("auto", "f32", "bf16")
HDR_CHOICES = ("map", "pass")
BACKENDS = ("auto", "openvino", "torch")
MAX_STEPS = 64
MAX_BLEND_FRAMES = 8
MAX_STEADY_FRAMES = 4


@dataclass(frozen=True)
class RenderSettings:
    """Everything that changes a pixel.

    Attributes:
        engine: Name in `engine.ENGINES`.
        seed: Key of all noise, 0 <= seed < 2**63.
        steps: Network evaluations per frame.
        caption: What the character is, in the base's words; None takes the pack's prompt.
        control_scale: Strength of the control picture; 1 = as trained.
        lora_scale: Strength of the pack's LoRA; 1 = as trained, 0 = the bare base.
        loras: More LoRAs (a style's, say): a pack's name or folder, or a .safetensors file; and strength.
        noise_share: Part of the noise's variance that all frames have in common; 1 = the same noise in every frame.
        blend_frames: Neighbours on each side that a frame is steadied with where its control stands still; 0 = none.
        steady_frames: Neighbours on each side, carried along the character's motion, that a picture is averaged with
            where they agree; 0 = none.
        precision: Arithmetic of the network: "f32", "bf16", or "auto": bf16 where the processor computes in it. That is
            half as fast again, and a sixth of a grey level apart.
        background: "#rrggbb", a colour's name, "take", or the path of an image or video.
        alpha: Keep transparency instead of a background (.mov, .webm or a folder of PNGs).
        side_by_side: The take at the left of the character.
        calibration: A performer's neutral face saved from another take; None fits it to this one.
        retarget: How the performance is given to the character; None: as usual. The canvas is the pack's.
        preset: What the result is for: a name in `video_formats.PRESETS`; None: the suffix alone chooses the format.
        hdr: What becomes of an HDR take where it is shown: "map" it to SDR, or "pass" it, with the character in HDR.
    """

    engine: str = "nano"
    seed: int = 0
    steps: int = 4
    caption: str | None = None
    control_scale: float = 1.0
    lora_scale: float = 1.0
    loras: tuple[tuple[str, float], ...] = ()
    noise_share: float = 1.0
    blend_frames: int = 0
    steady_frames: int = 2
    precision: str = "auto"
    background: str = DEFAULT_BACKGROUND
    alpha: bool = False
    side_by_side: bool = False
    calibration: Path | None = None
    retarget: RetargetSettings | None = None
    preset: str | None = None
    hdr: str = "map"

    @property
    def shows_take(self) -> bool:
        """Whether the take's own pictures are seen in the result."""
        return self.side_by_side or (self.background == TAKE and not self.alpha)

    def __post_init__(self) -> None:
        _require_range("seed", self.seed, 0, 2**63 - 1)
        _require_range("steps", self.steps, 1, MAX_STEPS)
        _require_range("control_scale", self.control_scale, 0, 4)
        _require_range("lora_scale", self.lora_scale, 0, 4)
        for name, scale in self.loras:
            _require_range(f"strength of LoRA {name}", scale, -4, 4)
        _require_range("noise_share", self.noise_share, 0, 1)
        _require_range("blend_frames", self.blend_frames, 0, MAX_BLEND_FRAMES)
        _require_range("steady_frames", self.steady_frames, 0, MAX_STEADY_FRAMES)
        _require_choice("precision", self.precision, PRECISIONS)
        check_preset(self.preset)
        _require_choice("hdr", self.hdr, HDR_CHOICES)
        if self.alpha and self.side_by_side:
            raise SettingsError("alpha and side_by_side exclude each other: a take has no alpha; choose one")

    @property
    def context_frames(self) -> int:
        """Neighbours on each side that a frame's pixels depend on."""
        return self.blend_frames + self.steady_frames


@dataclass(frozen=True)
class RuntimeSettings:
    """Everything that changes no pixel.

    Attributes:
        backend: "openvino", "torch", or "auto": torch where there is a GPU, else OpenVINO.
        device: "cpu", "cuda", or "auto".
        num_threads: Cores for an exported network; 0 = all that this process may use. Torch follows OMP_NUM_THREADS.
        window_frames: Frames held at a time; 0 = what suits the engine.
        segment_frames: Frames kept at a time, for a render that is broken off; 0 = as usual.
        cache_dir: Where exported networks lie; None: $PERFKIT_CACHE, else ~/.cache/perfkit.
        take: The take that a .perf was captured from, for its sound and its pictures; None: as the source says.
        contact_sheet: Where to write a PNG of the take's frames above the character's; None: nowhere.
        on_capture: Called with (frames done, frames in all) while a take is captured.
        on_progress: Called with (frames done, frames in all) while it is rendered.
        on_segment: Called with every segment that is made and kept.
        keeps_work: Leave the work folder when the result is whole; who asks for that removes it.
        engines: Keeps the engine for the next render; None: every render makes its own.
        witness: Sees what passes from room to room; None: nobody looks on.
    """

    backend: str = "auto"
    device: str = "auto"
    num_threads: int = 0
    window_frames: int = 0
    segment_frames: int = 0
    cache_dir: Path | None = None
    take: Path | None = None
    contact_sheet: Path | None = None
    on_capture: Callable[[int, int], None] | None = None
    on_progress: Callable[[int, int], None] | None = None
    on_segment: "Callable[[Segment], None] | None" = None
    keeps_work: bool = False
    engines: "EngineKeeper | None" = None
    witness: "Witness | None" = None

    def __post_init__(self) -> None:
        _require_choice("backend", self.backend, BACKENDS)
        _require_range("num_threads", self.num_threads, 0, 1024)
        _require_range("window_frames", self.window_frames, 0, 1024)
        _require_range("segment_frames", self.segment_frames, 0, 1 << 20)


def _require_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingsError(f"{name}: got {value}, expected {low} to {high}; give a value in that range")


def _require_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SettingsError(f"{name}: got {value!r}, expected one of {', '.join(known)}; give one of these")
