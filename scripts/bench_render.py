"""The render's speed and memory, for scripts/bench.py: network and rest, against eager PyTorch, long and short."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from itertools import chain, islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perfkit.inference.render import RenderSettings
    from perfkit.pack import CharacterPack

NUM_EAGER_FRAMES = 24
NUM_ROUNDS = 3
SHORT_SECONDS, LONG_SECONDS = 10, 600
STEPS = (1, 2, 4)
STILL_FRAME, NUM_STILL_FRAMES, CAMERA_NOISE = 300, 40, 6.0

_RENDER_AND_TELL_MEMORY = """
import resource, sys
from perfkit.inference.render import RenderSettings, render_take
from perfkit.pack import load_pack
settings = RenderSettings(steps=1, side_by_side=True, lora_scale=float(sys.argv[4]))
render_take(sys.argv[1], load_pack(sys.argv[2]), sys.argv[3], settings)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def print_render_speeds(take: Path, character: str) -> None:
    """Print how fast a captured take becomes a video, the network's part in it, and what eager PyTorch would cost."""
    from perfkit.capture import capture_take
    from perfkit.inference.render import render_take
    from perfkit.pack import load_pack
    from perfkit.track import save_track

    pack = load_pack(character)
    with tempfile.TemporaryDirectory() as folder:
        perf, out = Path(folder) / "take.perf", Path(folder) / "out.mp4"
        save_track(capture_take(take), perf)
        render_take(perf, pack, out, make_settings(pack, 1))  # exports the networks, if they are not yet
        for steps in STEPS:
            render_take(perf, pack, out, make_settings(pack, steps))
            report = json.loads(out.with_name("out.mp4.json").read_text())
            seconds, num_frames = report["stage_seconds"], report["num_frames"]
            whole, network = (1000 * seconds[stage] / num_frames for stage in ("render", "network"))
            rest = f"network {network:.0f} ms a frame, all else not hidden behind it {whole - network:.0f} ms"
            print(
                f"render, 256x256, {steps} step{'s' * (steps > 1)} | {1000 / whole:.1f} frames/s ({rest})", flush=True
            )
        for steps in STEPS:
            print(
                f"network alone, {steps} step{'s' * (steps > 1)} | {_compare_with_eager(perf, pack, steps)}", flush=True
            )


def _compare_with_eager(perf: Path, pack: "CharacterPack", steps: int) -> str:
    """Return how exported networks compare with eager PyTorch, in turns, so that both see the same machine."""
    from perfkit.control import draw_control
    from perfkit.inference.render import RuntimeSettings, make_character_engine, retarget_performance
    from perfkit.inference.stylize import stylize
    from perfkit.track import load_track

    settings = make_settings(pack, steps)
    engines = [
        make_character_engine(pack, settings, RuntimeSettings(backend=backend, device="cpu"))
        for backend in ("openvino", "torch")
    ]
    drawn = draw_control(retarget_performance(load_track(perf), pack), style=engines[0].control_style)
    controls = list(islice(drawn, NUM_EAGER_FRAMES))
    seconds: tuple[list[float], list[float]] = ([], [])
    for engine, own in list(zip(engines, seconds, strict=True)) * (NUM_ROUNDS + 1):
        start = time.perf_counter()
        for _ in stylize(controls, engine, settings):
            pass
        own.append((time.perf_counter() - start) / len(controls))
    exported, eager = (own[1:] for own in seconds)
    ratio = statistics.median(slow / fast for slow, fast in zip(eager, exported, strict=True))
    return f"{1 / statistics.median(exported):.1f} frames/s, {ratio:.1f} x eager PyTorch"


def print_memory(take: Path, character: str) -> None:
    """Print the peak memory of capture and render for a short take and a long one."""
    from perfkit.pack import load_pack

    lora_scale = make_settings(load_pack(character), 1).lora_scale
    with tempfile.TemporaryDirectory() as folder:
        peaks = []
        for seconds in (SHORT_SECONDS, LONG_SECONDS):
            path = Path(folder) / f"{seconds}.mp4"
            _write_looped(take, path, seconds)
            paths = [str(path), character, str(path.with_suffix(".out.mp4"))]
            command = [sys.executable, "-c", _RENDER_AND_TELL_MEMORY, *paths, str(lora_scale)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            peaks.append(int(done.stdout.split()[-1]) / 1e6)
    row = f"{peaks[0]:.2f} GB for {SHORT_SECONDS} s, {peaks[1]:.2f} GB for {LONG_SECONDS} s"
    print(f"peak memory, capture and render | {row}: x {peaks[1] / peaks[0]:.2f}")


def write_noisy_still(source: Path, path: Path) -> None:
    """Write a take in which nobody moves: one frame of another, each time with new noise of a camera."""
    import numpy as np

    from perfkit.video import iterate_frames, open_take
    from perfkit.video_write import VideoWriter

    rng = np.random.default_rng(0)
    _, _, image_rgb = next(islice(iterate_frames(open_take(source)), STILL_FRAME, None))
    with VideoWriter(path, time_base=Fraction(1, 25)) as writer:
        for index in range(NUM_STILL_FRAMES):
            noisy = image_rgb + rng.normal(0, CAMERA_NOISE, image_rgb.shape)
            writer.write(np.clip(noisy, 0, 255).astype(np.uint8), index)


def make_settings(pack: "CharacterPack", steps: int) -> "RenderSettings":
    """A pack that has no LoRA yet costs the same: it is merged before the networks are exported."""
    from perfkit.inference.render import RenderSettings

    return RenderSettings(steps=steps, lora_scale=1.0 if "nano" in pack.loras else 0.0)


def _write_looped(source: Path, path: Path, seconds: float) -> None:
    from perfkit.video import iterate_frames, open_take
    from perfkit.video_write import VideoWriter

    take = open_take(source)
    rate_fps = take.info.rate_fps_from_content or Fraction(25)
    step = round(1 / (rate_fps * take.info.time_base))
    num_frames = round(seconds * rate_fps)
    again = chain.from_iterable(iterate_frames(each) for each in repeat(take))
    with VideoWriter(path, time_base=take.info.time_base, rate_fps=rate_fps) as writer:
        for index, (_, _, image_rgb) in enumerate(islice(again, num_frames)):
            writer.write(image_rgb, index * step)
