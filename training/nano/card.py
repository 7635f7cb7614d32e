"""The base's model card, written from its training record and its measured figures.

In: BASE/training.json and the figures that `evaluate` measured. Out: BASE/README.md.
"""

import json
from pathlib import Path

from perfkit.training.nano.figures import Figure

_CARD = """# nano

perfkit's embedded base: a small latent flow model that draws 256x256 RGBA cartoon characters from a caption and a
control picture. Every picture it has ever seen was drawn by `perfkit.training.puppet`, our own code; no photograph,
no one else's drawing, no downloaded weight went into it.

| part | class | parameters |
|---|---|---|
{parts}

Trained with `python -m perfkit.training.nano`: the autoencoder on {crops:,} crops of 128x128, then UNet, ControlNet
and text encoder together on {images:,} images, the last of them in batches of {last_batch:,}, seed {seed}, then the
decoder alone on their renders of {decoder_images:,} drawings. Characters with seeds from 900000000 on were never
trained on; the figures below are measured on {count} of them, with new performances and lights:

```
python -m perfkit.training.nano evaluate
```

| figure | value | bar | reached |
|---|---|---|---|
{figures}

To go on with its training: `restore`, `flow --images N`, `decoder --images N`, `publish`, `evaluate --card`; on a GPU
of 24 GB or more with `--batch 1024` for the first two: the processor's cores then draw ahead, and the drawings stay in
the GPU's memory.

Uses: `perfkit render`, and any code that loads a diffusers folder. The UNet takes latents of 48 x 16 x 16
(`NanoAutoencoder`) at unit variance and answers with the clean ones (`DDIMScheduler` in scheduler/); the ControlNet
takes the control picture (`perfkit.control`, style nano) pixel-unshuffled by two to 12 channels, and ignores noise and
time.

Limits: one character per picture, bust framing, yaw to about 75 degrees. Without a character's own LoRA it draws only
what its caption words name.

Licence: Apache-2.0, like the code.
"""


def write_card(base: Path, figures: list[Figure], *, parameters: dict[str, int], count: int) -> Path:
    """Write BASE/README.md.

    Args:
        base: The base folder; its training.json says how it was trained.
        figures: What `evaluate` measured.
        parameters: Number of parameters per component.
        count: Held-out drawings behind the figures.

    Returns:
        The card's path.
    """
    record = json.loads((base / "training.json").read_text())
    classes = {
        "unet": "UNet2DConditionModel",
        "controlnet": "ControlNetModel",
        "vae": "NanoAutoencoder (perfkit)",
        "text_encoder": "CLIPTextModel",
    }
    card = base / "README.md"
    card.write_text(
        _CARD.format(
            parts="\n".join(f"| {name} | {classes[name]} | {parameters[name] / 1e6:.1f} M |" for name in classes),
            crops=record["autoencoder_crops"],
            images=record["images"],
            last_batch=record["last_batch"],
            seed=record["seed"],
            decoder_images=record["decoder_images"],
            count=count,
            figures="\n".join("| " + " | ".join(figure.cells()) + " |" for figure in figures),
        )
    )
    return card
