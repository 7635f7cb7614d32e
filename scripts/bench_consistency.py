"""What each way to hold frames together buys and costs, for scripts/bench.py: on and off, on the sample take.

Pictures are compared as the engine gives them, before any video codec, with the puppet's exact drawing of the same
performance: a stretch of the take, and a still of it with a camera's noise. What was tried and left out is measured
too.
"""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from bench_candidates import CANDIDATES, Shot
from bench_fidelity import draw_performance
from bench_render import make_settings, write_noisy_still

if TYPE_CHECKING:
    from perfkit.control import ControlFrame
    from perfkit.inference.engine import Engine
    from perfkit.inference.settings import RenderSettings
    from perfkit.pack import CharacterPack
    from perfkit.track import CharacterTrack, PerformanceTrack

NUM_FRAMES, DRIFT_FRAMES, MOTION_SPAN = 144, 48, 6
ROWS = (
    ("every frame its own noise", {"noise_share": 0.0, "blend_frames": 0, "steady_frames": 0}),
    ("shared noise", {"blend_frames": 0, "steady_frames": 0}),
    ("shared noise, latents blended with 1 neighbour on each side", {"blend_frames": 1, "steady_frames": 0}),
    ("shared noise, pictures steadied with 1", {"blend_frames": 0, "steady_frames": 1}),
    ("shared noise, pictures steadied with 2 (the default)", {"blend_frames": 0, "steady_frames": 2}),
    ("shared noise, latents blended with 1, pictures steadied with 1", {"blend_frames": 1, "steady_frames": 1}),
    ("shared noise, latents blended with 1, pictures steadied with 2", {"blend_frames": 1, "steady_frames": 2}),
)
COLUMNS = (
    "warp error / exact drawing", "still: change of 255", "PSNR", "SSIM", "motion kept", "seam index",
    "drift, Lab; beyond the drawing's", "frames/s",
)  # fmt: skip

Render = Callable[["list[ControlFrame]"], Iterable[np.ndarray]]


@dataclass(frozen=True, eq=False)
class Stretch:
    """Frames of a performance, what the engine is shown of them, and how they should look.

    Attributes:
        asked: What the character does.
        controls: N control pictures.
        truth_rgba: (N, H, W, 4) uint8, the exact drawing.
    """

    asked: "CharacterTrack"
    controls: "list[ControlFrame]"
    truth_rgba: np.ndarray


def print_consistency(take: Path, names: list[str]) -> None:
    """Print one table for every character."""
    from perfkit.capture import capture_take
    from perfkit.pack import load_pack

    with tempfile.TemporaryDirectory() as folder:
        still = Path(folder) / "still.mp4"
        write_noisy_still(take, still)
        tracks = capture_take(take), capture_take(still)
    for name in names:
        print(f"{name}, {NUM_FRAMES} frames of {take.name}, 4 steps | {' | '.join(COLUMNS)}", flush=True)
        _print_rows(load_pack(name), tracks)


def _print_rows(pack: "CharacterPack", tracks: "tuple[PerformanceTrack, PerformanceTrack]") -> None:
    from perfkit.composite import composite, make_background
    from perfkit.inference.render import RuntimeSettings, make_character_engine

    settings = make_settings(pack, 4)
    engine = make_character_engine(pack, settings, RuntimeSettings(device="cpu"))
    ground = make_background(settings.background, engine.canvas_wh)(0.0, None)
    moving, still = (_make_stretch(track, pack) for track in tracks)

    def lay(pictures: Iterable[np.ndarray]) -> np.ndarray:
        return np.stack([composite(image_rgba, ground) for image_rgba in pictures])

    window_frames = 3 * engine.num_workers * engine.frames_per_call
    judge = Judge(moving, lay(moving.truth_rgba), window_frames)
    print(f"the exact drawing itself | {judge.describe(judge.truth, lay(still.truth_rgba))} | -", flush=True)
    for words, render in _list_renders(engine, settings, pack):
        start = time.perf_counter()
        pictures = list(render(moving.controls))
        rate = len(pictures) / (time.perf_counter() - start)
        print(f"{words} | {judge.describe(lay(pictures), lay(render(still.controls)))} | {rate:.1f}", flush=True)


def _make_stretch(track: "PerformanceTrack", pack: "CharacterPack") -> Stretch:
    from perfkit.control import draw_control
    from perfkit.inference.render import retarget_performance

    asked = retarget_performance(track, pack)
    truth_rgba = np.stack(list(islice(draw_performance(asked, pack), NUM_FRAMES)))
    return Stretch(asked, list(islice(draw_control(asked), NUM_FRAMES)), truth_rgba)


def _list_renders(engine: "Engine", settings: "RenderSettings", pack: "CharacterPack") -> list[tuple[str, Render]]:
    def render(chosen: "RenderSettings", controls: "list[ControlFrame]") -> Iterator[np.ndarray]:
        from perfkit.inference.stylize import stylize

        return (frame.image_rgba for frame in stylize(controls, engine, chosen))

    def try_out(candidate: Callable[[Shot], np.ndarray], controls: "list[ControlFrame]") -> Iterator[np.ndarray]:
        size = engine.frames_per_call
        with ThreadPoolExecutor(engine.num_workers) as pool:
            latents = candidate(Shot.make(controls, engine, settings, pack, pool))
            for pictures in pool.map(engine.decode, [latents[n : n + size] for n in range(0, len(latents), size)]):
                yield from pictures

    chosen = [(words, partial(render, replace(settings, **changes))) for words, changes in ROWS]
    left_out = [(f"left out: shared noise, {words}", partial(try_out, candidate)) for words, candidate in CANDIDATES]
    return [*chosen, *left_out]


class Judge:
    """Knows the exact drawing of a stretch, and its motion; describes pictures by it, laid over a plain ground."""

    def __init__(self, stretch: Stretch, truth: np.ndarray, window_frames: int) -> None:
        from perfkit.metrics.flow import FlowMeter
        from perfkit.training.landmark_net import LandmarkNet

        meter = FlowMeter()
        self.truth = truth
        self._asked = stretch.asked
        self._mattes = stretch.truth_rgba[..., 3] >= 128
        self._window_frames = window_frames
        self._motions = [meter.measure(before, after) for before, after in pairwise(truth)]
        self._reader = LandmarkNet.load()
        self._truth_warp, self._truth_lab = self._measure_warp(truth), self._measure_lab(truth)

    def describe(self, pictures: np.ndarray, still: np.ndarray) -> str:
        """Return the columns of the table but the last."""
        from perfkit.metrics import measure_psnr_db, measure_ssim
        from perfkit.metrics.steadiness import measure_change, measure_drift, measure_seam_index

        warp, lab = self._measure_warp(pictures), self._measure_lab(pictures)
        joins = np.arange(self._window_frames, len(pictures), self._window_frames)
        starts = np.arange(0, len(pictures), DRIFT_FRAMES)
        drift, beyond = (measure_drift(each, starts).max() for each in (lab, lab - self._truth_lab))
        pairs = list(zip(pictures, self.truth, strict=True))
        cells = (
            f"{np.nanmean(warp) / np.nanmean(self._truth_warp):.2f}",
            f"{np.mean([measure_change(*pair) for pair in pairwise(still)]):.2f}",
            f"{np.mean([measure_psnr_db(*pair) for pair in pairs]):.2f} dB",
            f"{np.mean([measure_ssim(*pair) for pair in pairs]):.3f}",
            f"{self._measure_motion(pictures):.2f}",
            f"{measure_seam_index(warp, joins, reference=self._truth_warp):.2f}",
            f"{drift:.2f}; {beyond:.2f}",
        )
        return " | ".join(cells)

    def _measure_warp(self, pictures: np.ndarray) -> np.ndarray:
        """Return (N,) error of each frame against the one before along the drawing's motion; the first has none."""
        from perfkit.metrics.flow import measure_warp_error

        rows = zip(pairwise(pictures), self._motions, self._mattes, strict=False)
        return np.array([np.nan, *(measure_warp_error(*pair, flow, region=matte) for pair, flow, matte in rows)])

    def _measure_lab(self, pictures: np.ndarray) -> np.ndarray:
        from perfkit.metrics.steadiness import measure_mean_lab

        return np.array([measure_mean_lab(*pair) for pair in zip(pictures, self._mattes, strict=True)])

    def _measure_motion(self, pictures: np.ndarray) -> float:
        from perfkit.metrics.landmarks import measure_motion_gain

        found = self._reader.predict(pictures)
        rows = slice(len(pictures))
        visibility = np.minimum(found.visibility, self._asked.face_visibility[rows])
        return measure_motion_gain(found.points, self._asked.face[rows], visibility=visibility, span=MOTION_SPAN)
