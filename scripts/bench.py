"""Measure the speeds that README.md states: python scripts/bench.py [help capture control puppet render train ...]

Each name prints rows of that table. Both sides of a ratio are measured in the same run; quote those, not the seconds.
"""

import argparse
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

from perfkit.quiet import settle_libraries

ROOT = Path(__file__).resolve().parent.parent
TAKE = ROOT / "samples" / "takes" / "WolfgangLanger_Pexels.mp4"
NUM_PUPPETS = 400
MINUTES_LIVE = float(os.environ.get("PERFKIT_BENCH_MINUTES", "10"))


def time_help() -> None:
    """Print the wall-clock time of `perfkit --help`, the best of five."""
    program = str(Path(sys.executable).with_name("perfkit"))
    print(f"`perfkit --help` | {min(_seconds_of(lambda: _run(program, '--help')) for _ in range(5)):.2f} s")


def time_capture() -> None:
    """Print how fast a capture is against a bare loop that decodes and runs the same tasks."""
    from perfkit.capture import capture_take

    num_frames = len(capture_take(TAKE))
    bare = num_frames / _seconds_of(_run_bare_loop)
    ours = num_frames / _seconds_of(lambda: capture_take(TAKE))
    print(f"capture, face + pose + hands, 640x360 | {ours:.1f} frames/s, {ours / bare:.2f} of a bare loop")


def _run_bare_loop() -> None:
    import av
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    from perfkit.models import require_model

    def options_for(name: str) -> dict:
        base = BaseOptions(model_asset_path=str(require_model(name)))
        return {"base_options": base, "running_mode": vision.RunningMode.VIDEO}

    face_options = vision.FaceLandmarkerOptions(
        **options_for("face"), output_face_blendshapes=True, output_facial_transformation_matrixes=True
    )
    tasks = (
        vision.FaceLandmarker.create_from_options(face_options),
        vision.PoseLandmarker.create_from_options(vision.PoseLandmarkerOptions(**options_for("pose"))),
        vision.HandLandmarker.create_from_options(vision.HandLandmarkerOptions(**options_for("hands"), num_hands=2)),
    )
    with av.open(str(TAKE)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            image = mediapipe.Image(mediapipe.ImageFormat.SRGB, frame.to_ndarray(format="rgb24"))
            for task in tasks:
                task.detect_for_video(image, index * 42)
    for task in tasks:
        task.close()


def time_control() -> None:
    """Print the time of one control picture in each style."""
    from perfkit.capture import capture_take
    from perfkit.control import draw_control
    from perfkit.retarget import retarget
    from perfkit.rig import HUMAN_RIG

    track = capture_take(TAKE)
    seconds = _seconds_of(lambda: retarget(track, HUMAN_RIG))
    print(f"calibrate + retarget | {1000 * seconds / len(track):.2f} ms a frame")
    performance = retarget(track, HUMAN_RIG)
    for style in ("nano", "mediapipe_face", "openpose"):
        pictures = draw_control(performance, style=style)
        seconds = _seconds_of(partial(deque, pictures, maxlen=0))
        print(f"control picture, {style} | {1000 * seconds / len(track):.2f} ms a frame")


def time_puppet() -> None:
    """Print how many drawings one core makes in a second: posed and drawn, each of a new character, sampled before."""
    import numpy as np

    from perfkit.training.puppet import draw, sample_character, sample_light, sample_performance

    rng = np.random.default_rng(0)
    scenes = [(sample_character(seed), sample_performance(rng), sample_light(rng)) for seed in range(NUM_PUPPETS)]
    draw(sample_character(NUM_PUPPETS), *scenes[0][1:])
    seconds = _seconds_of(lambda: [draw(*scene) for scene in scenes])
    print(f"puppet drawings, 256x256, one core | {NUM_PUPPETS / seconds:.0f} images/s")


def time_render() -> None:
    """Print how fast a captured performance becomes a video, and the network's part in it."""
    from bench_render import print_render_speeds

    from perfkit.pack import list_character_names

    print_render_speeds(TAKE, list_character_names()[0])


def time_stock() -> None:
    """Print how fast a render is against stock diffusers called per frame, and against its networks' own time."""
    from bench_speed import print_speed

    from perfkit.pack import list_character_names

    print_speed(TAKE, list_character_names()[0])


def measure_memory() -> None:
    """Print the peak memory of a short take and of a long one."""
    from bench_render import print_memory

    from perfkit.pack import list_character_names

    print_memory(TAKE, list_character_names()[0])


def measure_batch() -> None:
    """Print what two workers of a batch make and hold, against one."""
    from bench_batch import print_batch_load

    from perfkit.pack import list_character_names

    print_batch_load(TAKE, list_character_names()[0])


def measure_fidelity() -> None:
    """Print how near renders come to the exact drawing of the same performance."""
    from bench_fidelity import print_fidelity

    from perfkit.pack import list_character_names

    print_fidelity(TAKE, list_character_names())


def measure_training() -> None:
    """Print how fast LoRA training is, against the loop that one would write from the libraries' documentation."""
    from bench_train import time_train

    from perfkit.pack import list_character_names

    time_train(list_character_names()[0])


def measure_live() -> None:
    """Print rate and delay of a live show: the server alone, then with the browser on the same cores."""
    from bench_live import print_live

    print_live(TAKE, "zib", minutes=MINUTES_LIVE)


def measure_transports() -> None:
    """Print rate, delay and load of a live show by WebSocket and by WebRTC, in turns."""
    from bench_transports import print_transports

    print_transports(TAKE, "zib")


def measure_consistency() -> None:
    """Print what each way to hold frames together buys and costs."""
    from bench_consistency import print_consistency

    from perfkit.pack import list_character_names

    print_consistency(TAKE, list_character_names())


def measure_robustness() -> None:
    """Print how hundreds of malformed and odd inputs end, and how the loaders stand being fuzzed."""
    from bench_robustness import print_robustness

    print_robustness(TAKE)


def measure_soak() -> None:
    """Print memory, open files and threads over a long take and over many short ones."""
    from bench_soak import print_soak

    print_soak(TAKE, "zib")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _seconds_of(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Measure what was asked for, or everything."""
    benchmarks = {
        "help": time_help,
        "capture": time_capture,
        "control": time_control,
        "puppet": time_puppet,
        "render": time_render,
        "speed": time_stock,
        "memory": measure_memory,
        "batch": measure_batch,
        "consistency": measure_consistency,
        "fidelity": measure_fidelity,
        "train": measure_training,
        "live": measure_live,
        "transports": measure_transports,
        "robustness": measure_robustness,
        "soak": measure_soak,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*benchmarks, []], help="what to measure [everything]")
    names = parser.parse_args().names or benchmarks
    settle_libraries()
    for name in names:
        benchmarks[name]()


if __name__ == "__main__":
    main()
