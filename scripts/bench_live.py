"""A live show's rate and delay, for scripts/bench.py.

Two measurements. The server alone: pictures are handed over as fast as they are taken, nothing else runs. With the
browser: headless Chromium plays a take with a clock drawn into every picture as its camera, the character's background
is the camera's picture, and the page reads the clock twice: off the camera and off what came back.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from playwright.sync_api import Page

SERVER_SECONDS = 20
NUM_BITS = 16
CELL_PX = 10
CLOCK_AT = (150, 6)
"""Top left corner of the clock, px of the 640x360 camera picture; the square background shows x from 140 to 500."""
BROWSER_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
]  # fmt: skip
READ_CLOCKS = Path(__file__).with_name("read_clocks.js")


def print_live(take: Path, character: str, *, minutes: float) -> None:
    """Print the server's own rate, then rate, delay and memory with the browser on the same cores."""
    print_server(take, character)
    with tempfile.TemporaryDirectory() as folder:
        print_browser(take, character, Path(folder), minutes=minutes)


def print_server(take: Path, character: str) -> None:
    """Hand over the next picture as soon as the last one was taken; count what comes out, encoded."""
    from perfkit.inference.live import LiveShow, ShowOptions
    from perfkit.inference.live.camera_frame import CameraFrame
    from perfkit.inference.live.drawing import Shown

    jpegs = list(_iterate_jpegs(take))
    with tempfile.TemporaryDirectory() as folder:
        for quality in ("low", "medium", "high"):
            show = LiveShow(ShowOptions(character, folder=Path(folder), quality=quality))
            times: list[float] = []

            def see(shown: Shown, times: list[float] = times) -> None:
                assert shown.jpeg
                times.append(time.monotonic())

            show.watch(shown=see)
            show.start()
            end, index = time.monotonic() + SERVER_SECONDS, 0
            while time.monotonic() < end:
                show.feed(CameraFrame(index, time.monotonic(), jpeg=jpegs[index % len(jpegs)]))
                index += 1
                time.sleep(1 / 60)
            show.stop()
            state = show.describe()
            settled = [at for at in times if at > end - SERVER_SECONDS / 2]
            rate = (len(settled) - 1) / (settled[-1] - settled[0])
            print(
                f"live, server alone, quality {quality} | {rate:.1f} frames/s; watching {state['act_ms']:.0f} ms, "
                f"drawing {state['draw_ms']:.0f} ms a frame"
            )


def print_browser(take: Path, character: str, folder: Path, *, minutes: float) -> None:
    """Let Chromium perform for some minutes."""
    camera = write_clock_camera(take, folder / "take.mjpeg")
    memory_mb, states = [], []
    with open_performance(camera, character, folder) as (pid, page):
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            page.wait_for_timeout(5000)
            memory_mb.append(_resident_mb(pid))
            states.append(page.evaluate("perfkit.state"))
        delays = np.array(page.evaluate("window.delays"))
    _print_delays(delays, memory_mb, states)


@contextmanager
def open_performance(camera: Path, character: str, folder: Path, *options: str) -> Iterator[tuple[int, "Page"]]:
    """Let Chromium perform, its clocks read from now on; gives the server's process id and the page."""
    from playwright.sync_api import sync_playwright

    with serve(character, folder, *options) as (process, address), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or "chromium",
            args=[*BROWSER_ARGUMENTS, f"--use-file-for-fake-video-capture={camera}"],
        )
        page = browser.new_context(viewport={"width": 1280, "height": 720}, permissions=["camera"]).new_page()
        page.goto(address)
        while page.evaluate("perfkit.state?.state") != "seen":
            page.wait_for_timeout(200)
        page.get_by_role("button", name="The camera's picture as background").click()
        page.wait_for_timeout(4000)
        page.evaluate(READ_CLOCKS.read_text(), [*CLOCK_AT, CELL_PX, NUM_BITS])
        yield process.pid, page
        browser.close()


def _print_delays(delays: np.ndarray, memory_mb: list[float], states: list[dict[str, Any]]) -> None:
    is_read = delays[:, 1] >= 0
    seconds = (delays[-1, 0] - delays[0, 0]) / 1000
    values = delays[is_read, 1]
    half = len(values) // 2
    levels = sorted({state["quality"] for state in states})
    middle, late = np.quantile(values, [0.5, 0.95])
    print(
        f"live with the browser on the same cores, {seconds / 60:.1f} minutes | {(len(delays) - 1) / seconds:.1f} "
        f"frames/s; camera to screen p50 {middle:.0f} ms, p95 {late:.0f} ms (clock read in {is_read.mean():.0%}); "
        f"quality {', '.join(levels)}"
    )
    quarters = ", ".join(f"{np.mean(quarter):.1f}" for quarter in np.array_split(memory_mb, 4))
    settled = np.array(memory_mb[len(memory_mb) // 4 :])
    slope = np.polyfit(np.arange(len(settled)) * 5 / 60, settled, 1)[0] if len(settled) > 3 else float("nan")
    print(
        f"live, drift | p50 of the first half {np.median(values[:half]):.0f} ms, of the second "
        f"{np.median(values[half:]):.0f} ms; memory {memory_mb[-1]:.0f} MB, slope {slope:+.2f} MB a minute, means of "
        f"its quarters {quarters} MB"
    )


@contextmanager
def serve(character: str, folder: Path, *options: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run `perfkit live` as a person would; end it with Ctrl-C."""
    program = str(Path(sys.executable).with_name("perfkit"))
    command = [program, "live", "--character", character, "--no-browser", "-o", str(folder / "recordings"), *options]
    environment = {**os.environ, "XDG_DATA_HOME": str(folder / "data")}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
        preexec_fn=_hear_interrupts,
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)


def _hear_interrupts() -> None:
    """Hear Ctrl-C also where the benchmark was started in a shell's background, which has it ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def write_clock_camera(take: Path, path: Path) -> Path:
    """Write a take as Chromium's fake camera plays it, every picture's number drawn in as black and white cells."""
    with path.open("wb") as file:
        for code, image_bgr in enumerate(_iterate_bgr(take), start=1):
            draw_clock(image_bgr, code)
            file.write(cv2.imencode(".jpg", image_bgr, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes())
    return path


def draw_clock(image_bgr: np.ndarray, code: int) -> None:
    """Draw a number's bits, highest first, in two rows of eight cells."""
    for bit in range(NUM_BITS):
        left, top = CLOCK_AT[0] + CELL_PX * (bit % 8), CLOCK_AT[1] + CELL_PX * (bit // 8)
        is_set = code >> (NUM_BITS - 1 - bit) & 1
        image_bgr[top : top + CELL_PX, left : left + CELL_PX] = 255 if is_set else 0


def _iterate_bgr(take: Path) -> Iterator[np.ndarray]:
    from perfkit.video import iterate_frames, open_take

    for _, _, image_rgb in iterate_frames(open_take(take)):
        yield cv2.cvtColor(cv2.resize(image_rgb, (640, 360)), cv2.COLOR_RGB2BGR)


def _iterate_jpegs(take: Path) -> Iterator[bytes]:
    for image_bgr in _iterate_bgr(take):
        yield cv2.imencode(".jpg", image_bgr, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()


def _resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
