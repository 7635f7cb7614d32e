"""LoRA training against the loop that one would write from the documentation of peft and diffusers.

Both in one run, on the same base, drawings, batch, rank and steps. The plain loop does as the examples of diffusers do:
it encodes pictures, captions and control pictures anew in every step. It runs in a process of its own whose libraries
are left as they come: perfkit's settings would slow it down.

python scripts/bench_train.py [NAME]      times the plain loop alone
"""

import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from bench_plain import plain_environment
from torch import nn

from perfkit.inference.engines import nano_model
from perfkit.inference.engines.nano import CANVAS_WH, WEIGHTS_DIR, NanoEngine
from perfkit.pack import load_pack
from perfkit.training.dataset import Placing, iterate_placed
from perfkit.training.lora import LoraSettings, add_adapter, count_useful_workers
from perfkit.training.lora.conditioning import condition_training_rows
from perfkit.training.lora.training import LoraTraining
from perfkit.training.optimise.parallel import open_workers

NUM_STEPS = 32
NUM_WARMING = 8
SETTINGS = LoraSettings(steps=NUM_STEPS, score_every=NUM_STEPS)


def time_train(character: str = "zib") -> None:
    """Print images/s of both loops and their ratio."""
    plain = float(subprocess.check_output([sys.executable, __file__, character], env=plain_environment(), text=True))
    num_workers = count_useful_workers()
    with open_workers(num_workers, _help_ours, (character,)):
        ours = _images_per_second(_make_our_loop(character))
    title = f"LoRA training, batch {SETTINGS.batch_size}, rank {SETTINGS.rank}"
    print(f"{title}, {num_workers} processes | {ours:.1f} images/s")
    print(f"LoRA training, plain peft + diffusers loop | {plain:.1f} images/s, ours is {ours / plain:.2f} x as fast")


def _help_ours(character: str) -> None:
    take_step = _make_our_loop(character)
    for _ in range(NUM_STEPS):
        take_step()


def _images_per_second(take_step: Callable[[], object]) -> float:
    """Time all steps but the first, which allocate and meet new shapes."""
    for _ in range(NUM_WARMING):
        take_step()
    started = time.perf_counter()
    for _ in range(NUM_STEPS - NUM_WARMING):
        take_step()
    return (NUM_STEPS - NUM_WARMING) * SETTINGS.batch_size / (time.perf_counter() - started)


def _make_our_loop(character: str) -> Callable[[], object]:
    pack = load_pack(character)
    models = nano_model.load_nano(WEIGHTS_DIR)
    rows = condition_training_rows(models, pack, SETTINGS, drawings=list(range(len(pack.art))))
    steps = LoraTraining(models, rows, SETTINGS).iterate_steps()
    return lambda: next(steps)


def _make_plain_loop(character: str) -> Callable[[], object]:
    pack = load_pack(character)
    models = nano_model.load_nano(WEIGHTS_DIR)
    for network in (models.vae, models.text_encoder, models.controlnet):
        network.requires_grad_(False)
    add_adapter(models.unet, rank=SETTINGS.rank, seed=0)
    weights = [weight for weight in models.unet.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=SETTINGS.learning_rate)
    placing = Placing(CANVAS_WH, NanoEngine.control_style, SETTINGS.num_placements)
    drawings = list(iterate_placed(pack, placing))
    models.unet.train()

    def take_step() -> None:
        rows = [drawings[index] for index in torch.randint(len(drawings), (SETTINGS.batch_size,))]
        pictures = torch.from_numpy(np.stack([row.picture for row in rows])).permute(0, 3, 1, 2).float() / 127.5 - 1
        controls = np.stack([row.control for row in rows])
        prompts = [pack.prompt_in_light(pack.art[row.drawing].light) for row in rows]
        with torch.no_grad():
            latents = models.vae.encode(pictures).latents
            text = nano_model.encode_text(models, prompts)
        noise, times = torch.randn_like(latents), torch.rand(len(latents)).clamp_min(0.01)
        t = times.view(-1, 1, 1, 1)
        noisy = (1 - t) * latents + t * noise
        timesteps = times * nano_model.NUM_TIMES - 1
        down, middle = models.controlnet(noisy, timesteps, text, nano_model.control_tensor(controls), return_dict=False)
        answer = models.unet(
            noisy / torch.sqrt((1 - t) ** 2 + t**2),
            timesteps,
            text,
            down_block_additional_residuals=down,
            mid_block_additional_residual=middle,
        ).sample
        loss = nn.functional.mse_loss(answer, latents)
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        optimiser.zero_grad()

    return take_step


if __name__ == "__main__":
    print(_images_per_second(_make_plain_loop(sys.argv[1] if len(sys.argv) > 1 else "zib")))
