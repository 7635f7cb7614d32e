"""An engine of 12x8 pixels whose pictures are its control pictures: what goes in must come out."""

import threading

import numpy as np

from perfkit.control import ControlFrame


class FakeEngine:
    """Latents are the control's colours in -1..1; the velocity points from them to the noise. Black is transparent."""

    name = "fake"
    digest = "fake"
    control_style = "nano"
    canvas_wh = (12, 8)
    latent_shape = (3, 4, 6)
    time_shift = 1.0

    def __init__(self, *, frames_per_call=2, num_workers=2, leak=0.0):
        self.frames_per_call = frames_per_call
        self.num_workers = num_workers
        self.leak = leak
        self.num_sampled = 0
        self._lock = threading.Lock()

    def condition(self, control_NHW3):
        with self._lock:
            self.num_sampled += len(control_NHW3)
        cells = control_NHW3.reshape(len(control_NHW3), 4, 2, 6, 2, 3).mean(axis=(2, 4))
        return (cells.transpose(0, 3, 1, 2) / 127.5 - 1).astype(np.float32)

    def predict_velocity(self, latents_NChw, time, conditioning):
        return (1 - self.leak) * (latents_NChw - conditioning) / np.float32(time)

    def decode(self, latents_NChw):
        bytes_NChw = np.clip((latents_NChw + 1) * 127.5, 0, 255).round().astype(np.uint8)
        rgb = bytes_NChw.transpose(0, 2, 3, 1).repeat(2, axis=1).repeat(2, axis=2)
        alpha = np.where(rgb.any(axis=-1, keepdims=True), 255, 0).astype(np.uint8)
        return np.concatenate([rgb, alpha], axis=-1)


def make_controls(num_frames, *, seed=0, still=False):
    """Return control pictures that the fake engine's latent grid can carry exactly."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, 256, (1 if still else num_frames, 4, 6, 3), dtype=np.uint8)
    images = cells.repeat(2, axis=1).repeat(2, axis=2)
    return [ControlFrame(index, index / 30, images[0 if still else index]) for index in range(num_frames)]
