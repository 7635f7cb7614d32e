"""Trains a character's LoRA: a small change of the base's UNet that makes it draw one character from every angle.

In: a CharacterPack with drawings and landmarks. Out: lora/ENGINE.safetensors in the pack, its manifest stamped.

    drawings --place--> pictures --encode--> latents ----------------.
                    `-> controls --ControlNet--> residuals --.        |
    trigger + caption --text encoder--> text ----------------+--> UNet + LoRA --> flow_loss

All but the UNet is frozen and runs once, before the first step.
"""

from perfkit.training.lora.adapter import ADAPTER, add_adapter, load_adapter
from perfkit.training.lora.recipes import RECIPES, LoraSettings, make_recipe
from perfkit.training.lora.train import TrainOptions, train_character
from perfkit.training.lora.training import count_useful_workers

__all__ = [
    "ADAPTER",
    "RECIPES",
    "LoraSettings",
    "TrainOptions",
    "add_adapter",
    "count_useful_workers",
    "load_adapter",
    "make_recipe",
    "train_character",
]
