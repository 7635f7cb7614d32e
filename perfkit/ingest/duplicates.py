"""Finding drawings that are the same picture, or nearly, before a training counts them twice.

In: pictures on the canvas. Out: groups of pictures that are the same to the pixel, and of those that nearly are.

Nearly = another export of the same drawing. A perceptual hash finds who might be; that no small part differs decides,
so that two expressions on one head are never taken for one drawing.
Source: cv2.img_hash.PHash (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import cv2
import numpy as np

_MOST_HASH_BITS = 8
_LOOK_PX = 128
_PART_PX = 4
_MOST_DIFFERENCE = 16.0
_GREY = 128


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """What is kept of a picture to compare it.

    Attributes:
        digest: Of its pixels; equal = the same picture.
        hash_bits: (64,) bool.
        look: (128, 128, 4) uint8, premultiplied.
    """

    digest: str
    hash_bits: np.ndarray
    look: np.ndarray


def make_fingerprint(rgba: np.ndarray) -> Fingerprint:
    """Make the fingerprint of a canvas picture (H, W, 4) uint8, straight alpha."""
    alpha = rgba[..., 3:].astype(np.float32) / 255
    premultiplied = np.dstack([rgba[..., :3] * alpha, 255 * alpha])
    over_grey = (premultiplied[..., :3] + _GREY * (1 - alpha)).astype(np.uint8)
    hashed = cv2.img_hash.pHash(cv2.cvtColor(over_grey, cv2.COLOR_RGB2BGR))
    look = cv2.resize(premultiplied, (_LOOK_PX, _LOOK_PX), interpolation=cv2.INTER_AREA)
    return Fingerprint(
        sha256(rgba.tobytes()).hexdigest(), np.unpackbits(hashed[0]).astype(bool), np.rint(look).astype(np.uint8)
    )


def find_same(fingerprints: Sequence[Fingerprint]) -> list[list[int]]:
    """Return groups of indices of pictures that are the same to the pixel, in order."""
    groups: dict[str, list[int]] = {}
    for index, fingerprint in enumerate(fingerprints):
        groups.setdefault(fingerprint.digest, []).append(index)
    return [group for group in groups.values() if len(group) > 1]


def find_similar(fingerprints: Sequence[Fingerprint]) -> list[list[int]]:
    """Return groups of indices of pictures that are nearly the same, or the same; a chain of likenesses is a group."""
    bits = np.array([fingerprint.hash_bits for fingerprint in fingerprints]).reshape(len(fingerprints), -1)
    group_of = list(range(len(fingerprints)))
    for index in range(len(fingerprints)):
        near = np.flatnonzero((bits[index + 1 :] != bits[index]).sum(axis=1) <= _MOST_HASH_BITS) + index + 1
        for other in near.tolist():
            if _measure_difference(fingerprints[index].look, fingerprints[other].look) <= _MOST_DIFFERENCE:
                old, new = group_of[other], group_of[index]
                group_of = [new if group == old else group for group in group_of]
    groups: dict[int, list[int]] = {}
    for index, group in enumerate(group_of):
        groups.setdefault(group, []).append(index)
    return [group for group in groups.values() if len(group) > 1]


def _measure_difference(first: np.ndarray, second: np.ndarray) -> float:
    """Return the difference of the part of 4 x 4 px that differs most, levels, the most differing channel's mean."""
    difference = np.abs(first.astype(np.float32) - second.astype(np.float32))
    parts = difference.reshape(_LOOK_PX // _PART_PX, _PART_PX, _LOOK_PX // _PART_PX, _PART_PX, -1).mean(axis=(1, 3))
    return float(parts.max())


@dataclass(frozen=True)
class Sameness:
    """Which files of a folder show the same.

    Attributes:
        same: Groups of files that are one picture, the one that stays first.
        contradicting: Groups of files that are one picture but are labelled differently; all stay.
        similar: Groups of files that are nearly one picture; all stay.
    """

    same: tuple[tuple[str, ...], ...]
    contradicting: tuple[tuple[str, ...], ...]
    similar: tuple[tuple[str, ...], ...]

    @property
    def left_out(self) -> frozenset[str]:
        """The files that are another one over again."""
        return frozenset(file for group in self.same for file in group[1:])


def find_sameness(fingerprints: Mapping[str, Fingerprint], claims: Mapping[str, Sequence[object]]) -> Sameness:
    """Compare all drawings of a folder.

    Args:
        fingerprints: File -> what its picture looks like.
        claims: File -> what is said of it, field by field, None where nothing is.
    """
    files = list(fingerprints)
    same, contradicting = [], []
    for group in find_same(list(fingerprints.values())):
        names = sorted((files[index] for index in group), key=lambda file: claims[file].count(None))
        first = [name for name in names if _agrees(claims[name], claims[names[0]])]
        same += [tuple(first)] if len(first) > 1 else []
        if len(first) < len(names):
            contradicting.append((names[0], *(name for name in names if name not in first)))
    known = {frozenset(group) for group in (*same, *contradicting)}
    left_out = {file for group in same for file in group[1:]}
    similar = []
    for group in find_similar(list(fingerprints.values())):
        alike = tuple(files[index] for index in group if files[index] not in left_out)
        if len(alike) > 1 and frozenset(alike) not in known:
            similar.append(alike)
    return Sameness(tuple(same), tuple(contradicting), tuple(similar))


def _agrees(claims: Sequence[object], others: Sequence[object]) -> bool:
    """Return whether one drawing says nothing that another does not say."""
    return all(claim is None or claim == other for claim, other in zip(claims, others, strict=True))
