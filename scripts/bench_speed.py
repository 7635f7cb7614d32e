"""Our render against stock diffusers and its own networks, for scripts/bench.py: same weights, frames and steps.

Stock is `StableDiffusionControlNetPipeline`, called once per frame as diffusers' documentation shows, with the
character's LoRA loaded by `load_lora_weights` and fused. It runs in a process of its own whose libraries are left as
they come.

python scripts/bench_speed.py NAME CONTROLS.npy      times stock diffusers alone
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_plain import plain_environment
from bench_render import make_settings

if TYPE_CHECKING:
    import numpy as np

    from perfkit.pack import CharacterPack

STEPS = 4
NUM_STOCK_FRAMES = 24
NUM_ROUNDS = 3


def print_speed(take: Path, character: str) -> None:
    """Print render against stock, frame for frame, and the render's wall time against its networks'."""
    import numpy as np

    from perfkit.capture import capture_take
    from perfkit.control import draw_control
    from perfkit.inference.render import render_take, retarget_performance
    from perfkit.inference.settings import RuntimeSettings
    from perfkit.pack import load_pack
    from perfkit.track import save_track

    pack, runtime = load_pack(character), RuntimeSettings(device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        perf, out, controls = Path(folder) / "take.perf", Path(folder) / "out.mp4", Path(folder) / "controls.npy"
        track = capture_take(take)
        save_track(track, perf)
        drawn = islice(draw_control(retarget_performance(track, pack)), NUM_STOCK_FRAMES)
        np.save(controls, np.stack([frame.image_rgb for frame in drawn]))
        command = [sys.executable, __file__, character, str(controls)]
        render_take(perf, pack, out, make_settings(pack, STEPS), runtime)  # exports the networks, if they are not yet
        stock, whole, share = [], [], []
        for _ in range(NUM_ROUNDS):
            stock.append(float(subprocess.check_output(command, env=plain_environment(), text=True)))
            render_take(perf, pack, out, make_settings(pack, STEPS), runtime)
            report = json.loads(out.with_name("out.mp4.json").read_text())
            seconds = report["stage_seconds"]
            whole.append(seconds["render"] / report["num_frames"])
            share.append(seconds["render"] / seconds["network"])
    ratio = statistics.median(slow / fast for slow, fast in zip(stock, whole, strict=True))
    print(f"render, {STEPS} steps, .perf to mp4 | {1 / statistics.median(whole):.1f} frames/s")
    print(f"stock diffusers, one call a frame, pictures only | {1 / statistics.median(stock):.1f} frames/s")
    print(f"render against stock | x {ratio:.1f}")
    print(f"render's wall time against its networks' own | x {statistics.median(share):.2f}")


def make_stock_pipeline(pack: "CharacterPack") -> Any:
    """Make diffusers' own pipeline from the base's folder, with the pack's LoRA fused."""
    from diffusers import StableDiffusionControlNetPipeline

    from perfkit.inference.engines import nano_model

    models = nano_model.load_nano(nano_model.BASE_FOLDER)
    pipeline = StableDiffusionControlNetPipeline(
        vae=models.vae,
        text_encoder=models.text_encoder,
        tokenizer=models.tokenizer,
        unet=models.unet,
        controlnet=models.controlnet,
        scheduler=models.scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    if "nano" in pack.loras:
        path = pack.lora_path("nano")
        pipeline.load_lora_weights(path.parent, weight_name=path.name)
        pipeline.fuse_lora()
    return pipeline


def time_stock(character: str, controls_rgb: "np.ndarray") -> float:
    """Return the seconds of one frame by the stock pipeline, controls (N, H, W, 3) uint8; the first two warm it."""
    import torch

    from perfkit.inference.engines import nano_model
    from perfkit.pack import load_pack

    pack = load_pack(character)
    pipeline = make_stock_pipeline(pack)
    shape = (1, nano_model.LATENT_CHANNELS, nano_model.LATENT_PX, nano_model.LATENT_PX)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))

    def draw(control_rgb: "np.ndarray") -> None:
        control = nano_model.control_tensor(control_rgb[None])
        pipeline(
            pack.prompt,
            image=control,
            height=control.shape[2],
            width=control.shape[3],
            latents=noise,
            num_inference_steps=STEPS,
            guidance_scale=1.0,
            output_type="np",
        )

    for control_rgb in controls_rgb[:2]:
        draw(control_rgb)
    start = time.perf_counter()
    for control_rgb in controls_rgb:
        draw(control_rgb)
    return (time.perf_counter() - start) / len(controls_rgb)


def main() -> None:
    """Print the seconds of one frame by stock diffusers."""
    import numpy as np

    print(time_stock(sys.argv[1], np.load(sys.argv[2], allow_pickle=False)))


if __name__ == "__main__":
    main()
