"""The thread that draws the character: control picture in, picture over its background out.

In: the newest `Acted`. Out: `Shown`, in order. Every frame starts from the same noise: equal
controls give equal pictures.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from perfkit.composite import TAKE, Background, composite, make_background
from perfkit.inference.engine import Engine
from perfkit.inference.live.acting import Acted
from perfkit.inference.live.camera_frame import encode_jpeg, encode_png
from perfkit.inference.live.controls import LiveControls
from perfkit.inference.live.latest import Latest
from perfkit.inference.live.meter import Meter
from perfkit.inference.live.quality import Quality
from perfkit.inference.sampling import make_flow_times, make_shared_noise
from perfkit.inference.temporal import sample_controls

_WAIT_SECONDS = 0.2
_SEED = 0
_JPEG_QUALITY = 90


@dataclass(frozen=True, eq=False)
class Shown:
    """One finished picture.

    Attributes:
        acted: What it shows.
        image_rgba: (H, W, 4) uint8, straight alpha.
        image_rgb: (H, W, 3) uint8, over the background.
        quality: The level that it was drawn with.
    """

    acted: Acted
    image_rgba: np.ndarray
    image_rgb: np.ndarray
    quality: Quality

    @cached_property
    def jpeg(self) -> bytes:
        """The picture over its background."""
        return encode_jpeg(self.image_rgb, quality=_JPEG_QUALITY)

    @cached_property
    def png(self) -> bytes:
        """The picture with its transparency."""
        return encode_png(self.image_rgba)


class Drawing:
    """Draws in one thread.

    Args:
        controls: Returns the controls of this moment.
        quality: Returns the level of this moment.
        on_shown: Called with every picture, in the drawing thread; must not wait.
    """

    def __init__(
        self,
        controls: Callable[[], LiveControls],
        quality: Callable[[], Quality],
        on_shown: Callable[[Shown], None],
    ) -> None:
        self.acted: Latest[Acted] = Latest()
        self.meter = Meter()
        self._controls, self._quality, self._on_shown = controls, quality, on_shown
        self._background: tuple[tuple[str, tuple[int, int]], Background] | None = None
        self._thread = threading.Thread(target=self._work, name="perfkit-drawing", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self.acted.close()
        self._thread.join()

    def _work(self) -> None:
        while not self.acted.is_closed:
            if (acted := self.acted.take(_WAIT_SECONDS)) is None:
                continue
            started = time.monotonic()
            quality = self._quality()
            image_rgba = draw_character(acted.costume.engine, acted.control_rgb, steps=quality.steps)
            image_rgb = self._composite(acted, image_rgba)
            self.meter.add(time.monotonic(), time.monotonic() - started)
            self._on_shown(Shown(acted, image_rgba, image_rgb, quality))

    def _composite(self, acted: Acted, image_rgba: np.ndarray) -> np.ndarray:
        key = (self._controls().background, acted.costume.engine.canvas_wh)
        if self._background is None or self._background[0] != key:
            self._background = (key, make_background(*key))
        take_rgb = acted.frame.image_rgb if key[0] == TAKE else None
        return composite(image_rgba, self._background[1](acted.frame.seconds, take_rgb))


def draw_character(engine: Engine, control_rgb: np.ndarray, *, steps: int) -> np.ndarray:
    """Return (H, W, 4) uint8 RGBA of one control picture."""
    noise = make_shared_noise(engine.latent_shape, seed=_SEED)[None]
    times = make_flow_times(steps, shift=engine.time_shift)
    return engine.decode(sample_controls(engine, control_rgb[None], noise, times))[0]
