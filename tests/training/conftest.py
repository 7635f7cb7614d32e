"""A nano base and a character so small that a test can train them."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel

from perfkit.art import ArtItem, ArtLandmarks, write_landmarks
from perfkit.inference.engines import nano_model
from perfkit.manifest import digest_file
from perfkit.pack import CharacterPack, write_manifest
from perfkit.rig import HUMAN_RIG, face_points
from perfkit.training.puppet.caption import WORDS
from perfkit.vocabulary import NUM_CONTOUR_POINTS

NUM_DRAWINGS = 3


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory) -> Path:
    """Folder of a randomly initialised base of nano's shape with very few channels."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        unet = UNet2DConditionModel(
            sample_size=nano_model.LATENT_PX,
            in_channels=nano_model.LATENT_CHANNELS,
            out_channels=nano_model.LATENT_CHANNELS,
            block_out_channels=(16, 32),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=nano_model.TEXT_WIDTH,
            attention_head_dim=8,
            norm_num_groups=8,
        )
        controlnet = nano_model.build_controlnet(unet)
        for module in controlnet.controlnet_down_blocks:
            torch.nn.init.normal_(module.weight, std=0.1)
        tokenizer = nano_model.build_tokenizer((*WORDS, "zib"))
        models = nano_model.NanoModels(
            unet=unet,
            controlnet=controlnet,
            vae=nano_model.NanoAutoencoder(block_out_channels=(4, 16, 8, 8, 8)),
            text_encoder=nano_model.build_text_encoder(len(tokenizer)),
            tokenizer=tokenizer,
            scheduler=nano_model.build_scheduler(),
        )
    folder = tmp_path_factory.mktemp("base")
    nano_model.save_nano(models, folder)
    return folder


@pytest.fixture
def tiny_pack(tmp_path) -> CharacterPack:
    """A pack of three plain drawings with the landmarks of an average adult."""
    return draw_tiny_pack(tmp_path / "zib")


@pytest.fixture(scope="module")
def lasting_pack(tmp_path_factory) -> CharacterPack:
    """The same pack, kept for all tests of a module."""
    return draw_tiny_pack(tmp_path_factory.mktemp("lasting") / "zib")


def draw_tiny_pack(folder: Path) -> CharacterPack:
    """Draw and write the pack."""
    (folder / "art").mkdir(parents=True)
    rng = np.random.default_rng(3)
    items, faces, heads = [], [], []
    for index in range(NUM_DRAWINGS):
        picture = np.zeros((256, 256, 4), np.uint8)
        cv2.circle(picture, (128, 110), 50, (*rng.integers(0, 255, 3).tolist(), 255), -1)
        path = folder / "art" / f"{index}.png"
        cv2.imwrite(str(path), picture)
        items.append(ArtItem(f"art/{index}.png", digest_file(path), "CC0-1.0", "us", 20.0 * index, 0, 0, "left", {}))
        heads.append([20.0 * index, 0, 0, 128, 110, 50])
        faces.append(face_points(HUMAN_RIG, np.zeros(52))[:, :2] * 50 + (128, 110))
    landmarks = ArtLandmarks(
        face=np.array(faces),
        visibility=np.ones((NUM_DRAWINGS, NUM_CONTOUR_POINTS)),
        body=np.full((NUM_DRAWINGS, 33, 3), np.nan),
        hands=np.full((NUM_DRAWINGS, 2, 21, 2), np.nan),
        weights=np.zeros((NUM_DRAWINGS, 52)),
        head=np.array(heads),
    )
    path = folder / "art" / "landmarks.safetensors"
    write_landmarks(path, landmarks)
    return write_manifest(
        CharacterPack(
            folder=folder,
            name="zib",
            trigger="zib",
            caption="green alien",
            light="left",
            canvas_wh=(256, 256),
            rig=HUMAN_RIG,
            art=tuple(items),
            landmarks=("art/landmarks.safetensors", digest_file(path)),
        )
    )
