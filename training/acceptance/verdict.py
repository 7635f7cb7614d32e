"""The verdict on a character: what its renders of drawings that were never trained on are worth, and why.

The measure is the way that the adapter goes from the bare base to the best that the autoencoder can do:

    gap closed = (adapter - bare base) / (autoencoder - bare base)      all PSNR in dB over the same drawings
"""

from dataclasses import dataclass

import numpy as np

from perfkit.training.acceptance.scores import CellScore

PASS_GAP = 0.35
BORDERLINE_GAP = 0.2
FAMILY_MARGIN_DB = 1.0
MOST_COPIED = 0.25
LEAST_HELD_OUT = 4
LEAST_IOU = 0.9


@dataclass(frozen=True)
class Reference:
    """PSNR in dB against which an adapter is judged.

    Attributes:
        bare_db: The base without the adapter, on the held-out drawings.
        autoencoder_db: The autoencoder alone, on the same.
        family_db: The base on characters of its own family that it never saw.
    """

    bare_db: float
    autoencoder_db: float
    family_db: float


@dataclass(frozen=True)
class Verdict:
    """pass, borderline or fail; the figures over the held-out drawings; reasons in plain words."""

    word: str
    reasons: tuple[str, ...]
    gap_closed: float
    psnr_db: float
    ssim: float
    alpha_iou: float
    landmark_error: float
    expression_error: float
    colour_distance: float
    copied_share: float
    num_held_out: int


def judge(scores: list[CellScore], reference: Reference) -> Verdict:
    """Judge a character by its held-out drawings; where it has too few, by all, and never better than borderline."""
    held_out = [score for score in scores if score.is_held_out]
    judged = held_out if len(held_out) >= LEAST_HELD_OUT else scores

    def mean(name: str) -> float:
        values = np.array([getattr(score, name) for score in judged])
        read = values[~np.isnan(values)]
        return float(read.mean()) if len(read) else float("nan")

    psnr = mean("psnr_db")
    gap = (psnr - reference.bare_db) / max(reference.autoencoder_db - reference.bare_db, 1e-6)
    copied = float(np.mean([score.is_copied for score in judged]))
    failures: list[str] = []
    doubts: list[str] = []
    if gap < PASS_GAP:
        text = f"the adapter closes {gap:.0%} of the gap from the bare base to the autoencoder; {PASS_GAP:.0%} is asked"
        (doubts if gap >= BORDERLINE_GAP else failures).append(text)
    if psnr < reference.family_db - FAMILY_MARGIN_DB:
        doubts.append(
            f"renders reach {psnr:.1f} dB; the base reaches {reference.family_db:.1f} dB on its own family, and within "
            f"{FAMILY_MARGIN_DB:g} dB of that is asked"
        )
    if mean("alpha_iou") < LEAST_IOU:
        doubts.append(f"outlines overlap by {mean('alpha_iou'):.2f}; {LEAST_IOU} is asked")
    if copied > MOST_COPIED:
        doubts.append(f"{copied:.0%} of the renders are nearer to a drawing of another pose: learned by heart")
    if judged is not held_out:
        doubts.append("too few drawings to hold any out: judged by drawings that were trained on")
    word = "fail" if failures else "borderline" if doubts else "pass"
    return Verdict(
        word=word,
        reasons=(*failures, *doubts),
        gap_closed=gap,
        psnr_db=psnr,
        ssim=mean("ssim"),
        alpha_iou=mean("alpha_iou"),
        landmark_error=mean("landmark_error"),
        expression_error=mean("expression_error"),
        colour_distance=mean("colour_distance"),
        copied_share=copied,
        num_held_out=len(held_out),
    )
