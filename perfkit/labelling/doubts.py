"""Which drawings need a look, and why: what nobody knows, what was read without certainty, what contradicts itself.

In: a drawing's labels, what its control points say of its turn, how sure the reader was. Out: lines for people.
"""

from collections.abc import Sequence

from perfkit.art import ArtItem
from perfkit.labelling.edits import angle_of_item

SURE = 0.98
"""Confidence from which a reading is taken without a question. Measured: all 96 drawings of both sample characters and
those of a foreign 3D toon up to 60 degrees read as 0.99 and more; her profiles, whose contours lie wrong, as 0.93 to
0.98.
"""

_MOST_APART_DEG = 25.0
_CERTAIN = frozenset({"drawn", "person"})


def find_doubts(
    item: ArtItem, *, has_points: bool, confidence: float | None, seen_angle_deg: Sequence[float] | None
) -> list[str]:
    """Return why somebody should look at a drawing, the gravest first; empty = no reason.

    Args:
        item: The drawing's labels.
        has_points: Whether control points of it are stored.
        confidence: Of the reader, 0..1, where it was asked.
        seen_angle_deg: Yaw, pitch and roll that its control points say, where they say any.
    """
    doubts = []
    if not has_points:
        doubts.append("no contours yet")
    if item.yaw_deg is None:
        doubts.append("angle not known")
    if item.sources and "expression" not in item.sources:
        doubts.append("expression not known")
    is_read = item.sources.get("points") not in (*_CERTAIN, "sidecar")
    if has_points and is_read and confidence is not None and confidence < SURE:
        doubts.append(f"contours {int(100 * confidence)}\u00a0% sure")
    told = angle_of_item(item)
    if told is not None and seen_angle_deg is not None and not is_certain(item):
        apart = abs(told[0] - seen_angle_deg[0])
        if apart > _MOST_APART_DEG:
            doubts.append(f"read as yaw {seen_angle_deg[0]:+.0f}")
    return doubts


def is_certain(item: ArtItem) -> bool:
    """Return whether neither angle nor contours are open to question: drawn exactly, or looked at by a person."""
    return item.sources.get("angle") in _CERTAIN and item.sources.get("points") in _CERTAIN
