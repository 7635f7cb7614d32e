"""Recipes: how adapters are trained, each a function that returns settings, chosen by name.

A recipe of one's own is `LoraSettings(...)` given to `train_character`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from perfkit.errors import SettingsError
from perfkit.inference.engines.nano_model import LATENT_PX


@dataclass(frozen=True)
class LoraSettings:
    """How an adapter is trained; all of it enters the identity of a resumable training.

    Attributes:
        steps: Optimiser steps.
        rank: Rank of the adapter's matrices.
        batch_size: Pictures a step.
        learning_rate: Muon's, at its height; falls to a twentieth along a cosine.
        num_placements: Rows per drawing: as drawn, and placed otherwise; never mirrored, so a patch stays on its eye.
        time_shift: > 1 draws more times near pure noise, where shape and colour are decided.
        full_noise_share: Part of the new rows at pure noise, where every render begins and a one-step render ends; each
            goes on in the next step from the network's own answer, as a render does.
        feature_weight: How much more the loss counts eyes, brows and lips: little of a drawing, and most of the acting.
        picture_weight: Of the loss of decoded faces beside that of latents: edges, not a mean of what fits.
            0 = none.
        window_cells: Side of the part of a picture around its face that is decoded for it, in latents.
        caption_drop: Part of the rows that are told the trigger word alone, so that it carries the character.
        prior_share: Part of a step's rows that show characters of the base's own family, so that these survive.
        num_priors: Drawings of that family to choose from.
        held_out_every: One drawing of so many is never trained on; those choose the best step. 0 = none.
        leave_out: Turns and faces of the coverage table whose drawings are not trained on either, and choose nothing:
            what lacking them costs.
        score_every: Steps between two scores on the held-out drawings.
        ema_decay: Average of the weights that is saved instead of the last; 0 = none.
        seed: Key of all randomness.
    """

    steps: int = 900
    rank: int = 16
    batch_size: int = 8
    learning_rate: float = 0.015
    num_placements: int = 8
    time_shift: float = 1.5
    full_noise_share: float = 0.6
    feature_weight: float = 4.0
    picture_weight: float = 6.0
    window_cells: int = 8
    caption_drop: float = 0.1
    prior_share: float = 0.125
    num_priors: int = 32
    held_out_every: int = 6
    leave_out: tuple[str, ...] = ()
    score_every: int = 100
    ema_decay: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        limits: dict[str, tuple[float, float]] = {"steps": (1, 10**6), "rank": (1, 256), "score_every": (1, 10**6)}
        limits |= {"batch_size": (2, 1024), "num_placements": (1, 64), "num_priors": (0, 4096)}
        limits |= {"learning_rate": (0.0, 1.0), "time_shift": (0.1, 10.0), "ema_decay": (0.0, 0.9999)}
        limits |= {"full_noise_share": (0.0, 1.0), "caption_drop": (0.0, 1.0)}
        limits |= {"prior_share": (0.0, 0.9), "held_out_every": (0, 1000), "feature_weight": (0.0, 100.0)}
        limits |= {"picture_weight": (0.0, 100.0), "window_cells": (2, LATENT_PX)}
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise SettingsError(f"LoRA {name} = {getattr(self, name)}, expected {low} to {high}")

    @property
    def num_prior_rows(self) -> int:
        """How many rows of a step show the base's own family."""
        return round(self.batch_size * self.prior_share) if self.num_priors else 0


def make_standard_recipe() -> LoraSettings:
    """Return the recipe for about 48 drawings: some minutes on two cores."""
    return LoraSettings()


def make_draft_recipe() -> LoraSettings:
    """Return the recipe for a first look, while the art is still being drawn: a quarter of the time."""
    return LoraSettings(steps=200, rank=8, learning_rate=0.02, num_placements=4, score_every=50)


def make_thorough_recipe() -> LoraSettings:
    """Return the recipe for large or intricate art: three times as long, at a lower rate, wider, averaged."""
    return LoraSettings(steps=2700, rank=32, learning_rate=0.01, num_placements=16, score_every=225, ema_decay=0.98)


RECIPES: dict[str, dict[str, Callable[[], LoraSettings]]] = {
    "nano": {"standard": make_standard_recipe, "draft": make_draft_recipe, "thorough": make_thorough_recipe},
}
"""Engine -> name -> recipe."""


def make_recipe(name: str, *, engine: str = "nano") -> LoraSettings:
    """Return the settings of a recipe.

    Raises:
        SettingsError: An engine that cannot be trained, or an unknown name.
    """
    if engine not in RECIPES:
        raise SettingsError(
            f"no LoRA can be trained for engine {engine!r}; known: {', '.join(RECIPES)}; give one of these"
        )
    if name not in RECIPES[engine]:
        known = ", ".join(RECIPES[engine])
        raise SettingsError(f"unknown recipe {name!r} for {engine}; known: {known}; give one of these")
    return RECIPES[engine][name]()
