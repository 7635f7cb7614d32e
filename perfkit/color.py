"""Colour arithmetic: HDR (PQ, HLG) and wide gamuts to the sRGB that perfkit works in, and back. NumPy only.

In and out: code values or light, float64 (..., 3) in the order R, G, B. Reference white, sRGB's 1.0, is 203 nits.

    PQ | HLG | sRGB code in BT.2020 --> light, nits / 203 --> BT.709 primaries --> BT.2390 roll-off --> sRGB code
"""

from functools import cache

import numpy as np

WHITE_NITS = 203.0
"""Light of diffuse white. Source: ITU-R BT.2408-7, table 1."""
PEAK_NITS = 1000.0
"""Light that becomes SDR's white; what is brighter is cut. Also the nominal peak of an HLG display."""
HLG_GAMMA = 1.2
"""System gamma of HLG at 1,000 nits. Source: ITU-R BT.2100-2, table 5."""
_CHROMATICITIES = {
    "bt709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "p3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_D65 = (0.3127, 0.3290)
_PQ = (2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32)
_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073
_BT709_LUMA = np.array([0.2126, 0.7152, 0.0722])
_BT2020_LUMA = np.array([0.2627, 0.6780, 0.0593])


def sdr_from_take(code: np.ndarray, *, transfer: str, primaries: str) -> np.ndarray:
    """Return sRGB code values 0..1 of a take's code values 0..1.

    Highlights are rolled off rather than cut, and colours outside sRGB lose saturation, not hue.

    Args:
        code: (..., 3) R'G'B'.
        transfer: sdr, pq or hlg.
        primaries: bt709, bt2020 or p3.

    Source: ITU-R BT.2390-11, 5.4.1 (EETF), applied to the largest of R, G and B.
    """
    light = light_from_code(code, transfer) @ rgb_from_rgb(primaries, "bt709").T
    light = _fit_gamut(light)
    if transfer != "sdr":
        largest = np.max(light, axis=-1, keepdims=True)
        light = light * (_roll_off(largest) / np.maximum(largest, 1e-9))
    return srgb_from_light(light)


def hdr_from_srgb(code: np.ndarray, transfer: str) -> np.ndarray:
    """Return PQ or HLG code values 0..1 in BT.2020 of sRGB code values 0..1; white becomes 203 nits."""
    light = light_from_srgb(code) @ rgb_from_rgb("bt709", "bt2020").T
    nits = np.maximum(light, 0) * WHITE_NITS
    return pq_from_nits(nits) if transfer == "pq" else _hlg_from_nits(nits)


def light_from_code(code: np.ndarray, transfer: str) -> np.ndarray:
    """Return light in multiples of reference white of code values 0..1; transfer: sdr (sRGB), pq or hlg."""
    if transfer == "pq":
        return nits_from_pq(code) / WHITE_NITS
    return _nits_from_hlg(code) / WHITE_NITS if transfer == "hlg" else light_from_srgb(code)


def chromaticities_of(primaries: str) -> tuple[float, ...]:
    """Return x and y of red, green, blue and white (D65)."""
    return tuple(value for pair in (*_CHROMATICITIES[primaries], _D65) for value in pair)


def sample_table(num_nodes: int, *, transfer: str, primaries: str) -> np.ndarray:
    """Return `sdr_from_take` at the nodes of a cube, (N^3, 3), red changing fastest, as a .cube file wants it."""
    axis = np.linspace(0, 1, num_nodes)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    code = np.stack([red, green, blue], axis=-1).reshape(-1, 3)
    return sdr_from_take(code, transfer=transfer, primaries=primaries)


def light_from_srgb(code: np.ndarray) -> np.ndarray:
    """Return light 0..1 of sRGB code values 0..1. Source: IEC 61966-2-1."""
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def srgb_from_light(light: np.ndarray) -> np.ndarray:
    """Return sRGB code values 0..1 of light, cut to 0..1. Source: IEC 61966-2-1."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def nits_from_pq(code: np.ndarray) -> np.ndarray:
    """Return nits of PQ code values 0..1. Source: SMPTE ST 2084."""
    m1, m2, c1, c2, c3 = _PQ
    power = np.maximum(code, 0) ** (1 / m2)
    return 10000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)


def pq_from_nits(nits: np.ndarray) -> np.ndarray:
    """Return PQ code values 0..1 of nits. Source: SMPTE ST 2084."""
    m1, m2, c1, c2, c3 = _PQ
    power = (np.clip(nits, 0, 10000) / 10000) ** m1
    return ((c1 + c2 * power) / (1 + c3 * power)) ** m2


@cache
def rgb_from_rgb(source: str, target: str) -> np.ndarray:
    """Return the 3x3 matrix between the light of two sets of primaries, white kept. Source: SMPTE RP 177."""
    return np.linalg.inv(_xyz_from_rgb(target)) @ _xyz_from_rgb(source)


def _xyz_from_rgb(primaries: str) -> np.ndarray:
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in (*_CHROMATICITIES[primaries], _D65)]).T
    return columns[:, :3] * np.linalg.solve(columns[:, :3], columns[:, 3])


def _nits_from_hlg(code: np.ndarray) -> np.ndarray:
    """Source: ITU-R BT.2100-2, table 5."""
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - _HLG_C) / _HLG_A) + _HLG_B) / 12)
    luma = np.maximum(scene @ _BT2020_LUMA, 1e-9)[..., None]
    return PEAK_NITS * luma ** (HLG_GAMMA - 1) * scene


def _hlg_from_nits(nits: np.ndarray) -> np.ndarray:
    share = nits / PEAK_NITS
    luma = np.maximum(share @ _BT2020_LUMA, 1e-9)[..., None]
    scene = share * luma ** (1 / HLG_GAMMA - 1)
    bright = _HLG_A * np.log(np.maximum(12 * scene - _HLG_B, 1e-9)) + _HLG_C
    return np.clip(np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright), 0, 1)


def _fit_gamut(light: np.ndarray) -> np.ndarray:
    """Pull colours with a negative part towards the grey of their luminance until none is left."""
    luma = np.maximum(light @ _BT709_LUMA, 0)[..., None]
    lowest = np.min(light, axis=-1, keepdims=True)
    share = np.where(lowest < 0, luma / np.maximum(luma - lowest, 1e-12), 1)
    return np.maximum(luma + share * (light - luma), 0)


def _roll_off(light: np.ndarray) -> np.ndarray:
    """Return light 0..1 of light in multiples of white; darker than the knee it is itself."""
    peak = pq_from_nits(np.array(PEAK_NITS))
    white = pq_from_nits(np.array(WHITE_NITS)) / peak
    knee = 1.5 * white - 0.5
    code = np.minimum(pq_from_nits(light * WHITE_NITS) / peak, 1)
    t = np.maximum(code - knee, 0) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * white
    return nits_from_pq(np.where(code < knee, code, spline) * peak) / WHITE_NITS
