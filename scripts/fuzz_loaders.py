"""Fuzz what reads files that perfkit did not write itself: .perf, character packs, job lists.

Every case is a valid file that is damaged in one to four ways, by bytes or by structure, and then read; the number of
the case is its seed. A loader may answer or raise a PerfkitError. Any other exception, or 20 seconds, is a defect.

    python scripts/fuzz_loaders.py perf 12345      reads one case again, with its traceback
"""

import argparse
import json
import random
import re
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from perfkit.errors import PerfkitError

LIMIT_SECONDS = 20
ODD_NUMBERS = (0, -1, 1, 2**31, 2**63, -(2**63), 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf"))
ODD_TEXTS = (
    "", " ", "/", ".", "..", "../..", "a\0b", "x" * 300, "x" * 5000, "a\nb", "\ufeff", "\u202e", "1/0", "1/3", "-1/30",
    "1e999999999", "9" * 5000, "nan", "~", "/dev/zero", "C:\\x", "//x", "take.mp4/", "é" * 200,
)  # fmt: skip
ODD_LITERALS = (
    "", "nan", "-inf", "1e999", "9" * 5000, "0x" + "f" * 5000, "true", "[]", "[[]]", "{}", "{ a = 1 }", '"\\u0000"',
    '"\\ud800"', "1979-05-27", "07:32:00", "[" * 3000, "[" * 3000 + "]" * 3000, '"""', "#", "=", "\0", "x" * 200_000,
    '"/dev/zero"', '".."', '"/"', '"' + "x" * 5000 + '"', "-1", "3.5", "'a,b'", "\r", "\ufeff",
)  # fmt: skip
Mutate = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Target:
    """A loader and the valid files that cases start from.

    Attributes:
        name: On the command line.
        load: Reads the file that a case wrote.
        files: Path below the case's folder -> valid content.
        structures: How each file can be damaged so that more of it is understood than after damage by bytes.
    """

    name: str
    load: Callable[[Path], object]
    files: dict[str, bytes]
    structures: Mapping[str, Mutate]


@dataclass
class Tally:
    """How the cases of a target ended; defects by exception and place, with the first case that showed it."""

    num_read: int = 0
    num_refused: int = 0
    defects: dict[str, int] = field(default_factory=dict)


def fuzz(target: Target, folder: Path, cases: range) -> Tally:
    """Read many damaged files."""
    tally = Tally()
    for number in cases:
        try:
            run_case(target, folder, number)
            tally.num_read += 1
        except PerfkitError as error:
            tally.num_refused += 1
            if not str(error).strip():
                tally.defects.setdefault("a refusal without a reason", number)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            tally.defects.setdefault(f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}", number)
    return tally


def run_case(target: Target, folder: Path, number: int) -> None:
    """Write the files of one case and read them; valid files lie beside the damaged one."""
    rng = random.Random(f"{target.name} {number}")
    name = rng.choice(list(target.files))
    damaged = target.files[name]
    for _ in range(rng.choice((1, 1, 2, 4))):
        damage = damage_bytes if rng.random() < 0.3 or name not in target.structures else target.structures[name]
        damaged = damage(damaged, rng)
    path = folder / name
    path.write_bytes(damaged)
    try:
        with time_limit():
            target.load(folder)
    finally:
        path.write_bytes(target.files[name])


@contextmanager
def time_limit() -> Iterator[None]:
    """Raise TimeoutError in the block after a while; calls into C are interrupted only when they return."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"still reading after {LIMIT_SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def damage_bytes(content: bytes, rng: random.Random) -> bytes:
    """Flip, overwrite, cut, repeat or insert some bytes."""
    size = len(content)
    start = rng.randrange(size + 1)
    end = min(size, start + rng.choice((1, 2, 8, 64, 1000)))
    part = content[start:end]
    new = {
        "flip": lambda: bytes(byte ^ (1 << rng.randrange(8)) for byte in part),
        "random": lambda: rng.randbytes(len(part)),
        "zero": lambda: bytes(len(part)),
        "ones": lambda: b"\xff" * len(part),
        "cut": lambda: b"",
        "repeat": lambda: part * rng.choice((2, 3, 50)),
        "insert": lambda: rng.randbytes(rng.choice((1, 8, 100))) + part,
    }
    kind = rng.choice([*new, "truncate"])
    return content[:start] if kind == "truncate" else content[:start] + new[kind]() + content[end:]


def damage_lines(content: bytes, rng: random.Random) -> bytes:
    """Delete, repeat, swap or rewrite lines of a text, or values of `key = value` and cells of a row."""
    lines = content.decode(errors="replace").splitlines() or [""]
    index, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.choice(("delete", "repeat", "swap", "value", "value", "value", "value", "cell", "cell", "key"))
    odd = rng.choice(ODD_LITERALS)
    if kind == "delete":
        del lines[index]
    elif kind == "repeat":
        lines.insert(other, lines[index])
    elif kind == "swap":
        lines[index], lines[other] = lines[other], lines[index]
    elif kind == "value" and "=" in lines[index]:
        lines[index] = f"{lines[index].split('=')[0]}= {odd}"
    elif kind == "key" and "=" in lines[index]:
        lines[index] = f"{rng.choice(('x', 'file', 'name', 'shot', '[a', odd[:50]))} = {lines[index].split('=')[-1]}"
    else:
        cells = re.split(r"([,\[\]\s]+)", lines[index])
        cells[rng.randrange(len(cells))] = odd
        lines[index] = "".join(cells)
    return "\n".join(lines).encode(errors="replace")


def damage_safetensors(content: bytes, rng: random.Random) -> bytes:
    """Change the header of a safetensors file, or the header inside it, and count its length anew."""
    try:
        size = struct.unpack("<Q", content[:8])[0]
        header = json.loads(content[8 : 8 + size])
        inner = json.loads(header["__metadata__"]["perfkit"]) if "__metadata__" in header else None
    except (ValueError, struct.error, TypeError, KeyError, RecursionError):
        return damage_bytes(content, rng)
    if isinstance(inner, dict) and rng.random() < 0.6:
        _damage_json(inner, rng)
        header["__metadata__"]["perfkit"] = json.dumps(inner)
        if rng.random() < 0.05:
            header["__metadata__"]["perfkit"] = "[" * 100_000
    elif isinstance(header, dict):
        _damage_json(header, rng)
    written = json.dumps(header).encode()
    return struct.pack("<Q", len(written)) + written + content[8 + size :]


def _damage_json(node: dict | list, rng: random.Random) -> None:
    """Replace, remove or rename one value somewhere in a tree."""
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = rng.choice(keys)
        below = node[key]
        if not isinstance(below, dict | list) or rng.random() < 0.25:
            break
        node = below
    if rng.random() < 0.15:
        del node[key]
    elif isinstance(node, dict) and rng.random() < 0.1:
        node[rng.choice(ODD_TEXTS)] = node.pop(key)
    else:
        dtypes = ("BF16", "F8_E4M3", "F16", "F64", "I64", "U8", "BOOL", "C64", "I8", "F4")
        values: tuple[object, ...] = (None, True, [], {}, [[]], {"a": 1}, *ODD_NUMBERS, *ODD_TEXTS, *dtypes)
        node[key] = rng.choice(values)


def make_targets(folder: Path) -> list[Target]:
    """Return all loaders with their valid files; a folder for each lies below `folder`, filled."""
    targets = [_perf_target(), _pack_target(folder), _list_target("csv", _CSV), _list_target("toml", _TOML)]
    for target in targets:
        for name, content in target.files.items():
            path = folder / target.name / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return targets


def make_perf_bytes(num_frames: int = 2) -> bytes:
    """Return a valid .perf of noise."""
    from perfkit.times import FrameTimes
    from perfkit.track import PerformanceTrack, save_track

    rng = np.random.default_rng(0)

    def noise(*shape: int) -> np.ndarray:
        return rng.uniform(size=(num_frames, *shape)).astype(np.float32)

    track = PerformanceTrack(
        times=FrameTimes(np.arange(num_frames, dtype=np.int64), Fraction(1, 30)),
        size_wh=(640, 360),
        face=noise(478, 3),
        blendshapes=noise(52),
        camera_from_head=noise(4, 4),
        body=noise(33, 4),
        hands=noise(2, 21, 3),
        face_confidence=noise(),
        flags=np.zeros(num_frames, np.uint8),
        take_digest="0" * 64,
        trackers={"face": "noise"},
        notes=("of noise",),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noise.perf"
        save_track(track, path)
        return path.read_bytes()


def make_small_pack(folder: Path) -> Path:
    """Write a copy of a sample character with its first two drawings and adapters of a few bytes."""
    from perfkit.art import LANDMARK_SHAPES, ArtLandmarks, write_landmarks
    from perfkit.manifest import digest_file
    from perfkit.pack import find_pack_folder, list_character_names, load_pack, write_manifest

    pack = load_pack(shutil.copytree(find_pack_folder(list_character_names()[0]), folder))
    assert pack.landmarks is not None
    points, path = pack.load_landmarks(), folder / pack.landmarks[0]
    write_landmarks(path, ArtLandmarks(**{name: getattr(points, name)[:2] for name in LANDMARK_SHAPES}))
    loras = {}
    for engine, item in pack.loras.items():
        (folder / item.file).write_bytes(b"an adapter")
        loras[engine] = replace(item, sha256=digest_file(folder / item.file), held_out=())
    landmarks = (pack.landmarks[0], digest_file(path))
    write_manifest(replace(pack, art=pack.art[:2], landmarks=landmarks, loras=loras))
    return folder


def _perf_target() -> Target:
    from perfkit.track import load_track

    files = {"take.perf": make_perf_bytes()}
    return Target("perf", lambda folder: load_track(folder / "take.perf"), files, {"take.perf": damage_safetensors})


def _pack_target(folder: Path) -> Target:
    from perfkit.pack import MANIFEST_NAME, load_pack

    place = make_small_pack(folder / "small_pack")
    pack = load_pack(place)
    assert pack.landmarks is not None
    names = [
        MANIFEST_NAME,
        pack.landmarks[0],
        *(item.file for item in pack.art),
        *(i.file for i in pack.loras.values()),
    ]
    files = {name: (place / name).read_bytes() for name in names}
    structures = {MANIFEST_NAME: damage_lines, pack.landmarks[0]: damage_safetensors}
    return Target("pack", _read_pack, files, structures)


def _read_pack(folder: Path) -> None:
    """Load a pack and all its files; where only a digest is wrong, go on to the readers behind it."""
    from perfkit.art import read_art, read_landmarks
    from perfkit.errors import PackError
    from perfkit.pack import load_pack, stamp_pack

    manifest = folder / "character.toml"
    before = manifest.read_bytes()
    try:
        load_pack(folder)
    except PackError as error:
        if "digest: got" in str(error):
            try:
                stamp_pack(folder)
            finally:
                manifest.write_bytes(before)
        for path in sorted((folder / "art").iterdir()):
            if path.suffix == ".png":
                read_art(path)
            elif path.suffix == ".safetensors":
                read_landmarks(path, num_drawings=2)
        raise


_CSV = b"""take,character,background,seed,steps,alpha
a.mp4,zib,take,3,,
b.mov,zib,#ffffff,,4,no
"quoted, with a comma.mp4",,,,,yes
"""
_TOML = b"""[[shot]]
take = "a.mp4"
character = "zib"
seed = 3
[[shot]]
take = "below/b.mov"
background = "green"
alpha = false
"""


def _list_target(suffix: str, content: bytes) -> Target:
    from perfkit.inference.batch import read_job_list
    from perfkit.inference.settings import RenderSettings

    def read(folder: Path) -> object:
        return read_job_list(folder / f"list.{suffix}", folder / "out", "zib", RenderSettings(), suffix=".mp4")

    return Target(f"list-{suffix}", read, {f"list.{suffix}": content}, {f"list.{suffix}": damage_lines})


def print_fuzz(num_cases: int) -> None:
    """Fuzz every loader with so many cases and print a row for each; defects follow below."""
    for target, tally, seconds in fuzz_all(num_cases):
        row = f"{tally.num_read} read, {tally.num_refused} refused, {len(tally.defects)} defects, {seconds:.0f} s"
        print(f"fuzz {target.name}, {num_cases} cases | {row}", flush=True)
        for what, number in tally.defects.items():
            print(f"    {what}; python scripts/fuzz_loaders.py {target.name} {number}", flush=True)


def fuzz_all(num_cases: int) -> Iterator[tuple[Target, Tally, float]]:
    """Yield (target, tally, seconds) of every loader."""
    with tempfile.TemporaryDirectory() as name:
        for target in make_targets(Path(name)):
            started = time.monotonic()
            tally = fuzz(target, Path(name) / target.name, range(num_cases))
            yield target, tally, time.monotonic() - started


def main() -> None:
    """Read one case again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("number", type=int)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        target = {each.name: each for each in make_targets(Path(name))}[given.target]
        try:
            run_case(target, Path(name) / target.name, given.number)
        except PerfkitError as error:
            sys.exit(f"refused: {str(error)[:500]}")
        print("read")


if __name__ == "__main__":
    main()
