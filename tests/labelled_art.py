"""Art that exists as labels only: what coverage counts, without a single picture."""

from pathlib import Path

from perfkit.art import ArtItem
from perfkit.pack import CharacterPack
from perfkit.rig import Rig

LIGHT = "gentle frontlight"


def make_item(file: str, yaw_deg: float | None = 0.0, pitch_deg: float | None = 0.0, **labels) -> ArtItem:
    """Return a drawing; expression, weights, light and sources by name."""
    roll_deg = None if yaw_deg is None else 0.0
    weights, light = labels.pop("weights", {}), labels.pop("light", LIGHT)
    return ArtItem(file, "0" * 64, "CC0-1.0", "us", yaw_deg, pitch_deg, roll_deg, light, weights, **labels)


def make_pack(*items: ArtItem) -> CharacterPack:
    """Return a pack that is nowhere."""
    return CharacterPack(Path("nowhere"), "pip", "pip", "toon", LIGHT, (256, 256), Rig(), items)
