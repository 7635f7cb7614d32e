"""A base's card says what was measured, and a missed bar is called missed."""

import json
from pathlib import Path

from perfkit.training.nano.card import write_card
from perfkit.training.nano.figures import Figure


def test_card_holds_the_figures_and_calls_a_missed_bar_missed(tmp_path: Path) -> None:
    (tmp_path / "training.json").write_text(
        json.dumps({"autoencoder_crops": 1600, "images": 32000, "decoder_images": 800, "last_batch": 64, "seed": 0})
    )
    error = Figure("error", 4.0, "%", 5.0, is_lower_better=True)
    figures = [Figure("psnr", 29.5, "dB", 30.0), error, Figure("x", 1, "")]
    parameters = {"unet": 9_500_000, "controlnet": 4_200_000, "vae": 1_800_000, "text_encoder": 280_000}
    card = write_card(tmp_path, figures, parameters=parameters, count=16).read_text()
    assert "| psnr | 29.500 dB | >= 30 dB | no |" in card
    assert "| error | 4.000 % | <= 5 % | yes |" in card
    assert "| x | 1.000 |  |  |" in card
    assert "32,000 images" in card
    assert "1,600 crops" in card
    assert "800 drawings" in card
