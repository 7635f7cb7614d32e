"""A live show for tests: a real tracker, a real page, an engine that shows the control picture at once."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from perfkit.inference.live import LiveShow, ShowOptions
from perfkit.inference.live.app import MJPEG, OUTPUT, VIEW_PATHS, make_live_app
from perfkit.inference.live.camera_frame import CameraFrame
from perfkit.inference.live.drawing import Shown
from perfkit.inference.live.wardrobe import Costume
from perfkit.pack import load_pack
from perfkit.serving import PageServer
from perfkit.take import Take
from perfkit.video import iterate_frames, open_take


class ControlEngine:
    """Draws the control picture itself, opaque: what a performer does is to be seen in it, and no network runs."""

    name, digest, control_style = "control", "control", "nano"
    canvas_wh, latent_shape, time_shift = (256, 256), (1, 1, 1), 1.0
    frames_per_call = num_workers = 1

    def condition(self, control_NHW3: np.ndarray) -> np.ndarray:
        self._control = control_NHW3
        return control_NHW3

    def predict_velocity(self, latents_NChw: np.ndarray, time: float, conditioning: np.ndarray) -> np.ndarray:
        return np.zeros_like(latents_NChw)

    def decode(self, latents_NChw: np.ndarray) -> np.ndarray:
        return np.concatenate([self._control, np.full((*self._control.shape[:3], 1), 255, np.uint8)], axis=-1)


@dataclass(frozen=True, eq=False)
class Stage:
    """A show that runs on its page."""

    show: LiveShow
    server: PageServer


@contextmanager
def open_stage(monkeypatch: pytest.MonkeyPatch, folder: Path, **options: str) -> Iterator[Stage]:
    """Run a show whose engine is `ControlEngine`; its performers and recordings lie in `folder`."""
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))

    def make_costume(name: str, light: str, runtime: object) -> Costume:
        return Costume(name, light, load_pack(name), ControlEngine())  # type: ignore[arg-type]

    monkeypatch.setattr("perfkit.inference.live.wardrobe.tailor", lambda *wish, **rest: True)
    for module in ("show", "wardrobe"):
        monkeypatch.setattr(f"perfkit.inference.live.{module}.make_costume", make_costume)
    show = LiveShow(ShowOptions("zib", folder=folder / "recordings", **options))
    with PageServer(make_live_app(show), view_paths=VIEW_PATHS) as server:
        show.outputs = {"page": server.view_address(OUTPUT), "mjpeg": server.view_address(MJPEG)}
        show.start()
        try:
            yield Stage(show, server)
        finally:
            show.stop()


def write_fake_camera(take: Path, path: Path, *, num_frames: int = 10_000) -> Path:
    """Write a take as the Motion JPEG that Chromium plays as a camera, 30 pictures a second."""
    with path.open("wb") as file:
        for _, _, image_rgb in iterate_frames(open_take(take)):
            is_done, jpeg = cv2.imencode(".jpg", cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR))
            assert is_done
            file.write(jpeg.tobytes())
            num_frames -= 1
            if num_frames == 0:
                break
    return path


def read_jpegs(take: Take, count: int) -> list[bytes]:
    """Return the first pictures of a take as JPEG."""
    out = []
    for _, _, image_rgb in iterate_frames(take):
        out.append(cv2.imencode(".jpg", cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR))[1].tobytes())
        if len(out) == count:
            break
    return out


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something holds, or fail."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


def feed(stage: Stage, jpegs: list[bytes], *, start: int = 0, fps: float = 30.0) -> list[Shown]:
    """Play pictures, each when the one before was shown or a frame later; return what was shown."""
    shown: list[Shown] = []
    leave = stage.show.watch(shown=shown.append)
    for index, jpeg in enumerate(jpegs):
        before = len(shown)
        stage.show.feed(CameraFrame(start + index, time.monotonic(), jpeg=jpeg))
        wait_for(lambda before=before: len(shown) > before)  # type: ignore[misc]
        time.sleep(1 / fps / 4)
    leave()
    return shown
