"""Odd .perf files, packs and lists of shots as commands, for scripts/bench_robustness.py, damaged as by the fuzzer."""

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

from fuzz_loaders import damage_bytes, damage_lines, damage_safetensors, make_small_pack
from judge_case import Case
from odd_cases import RENDER

NUM_DAMAGED = 8
MANIFESTS = {
    "no manifest": None,
    "an empty manifest": b"",
    "zero bytes": bytes(1000),
    "not UTF-8": b"name = '\xff\xfe'",
    "nested 5000 deep": b"a = " + b"[" * 5000,
    "5 MB": b"# x\n" * 1_250_000,
    "a number of 5000 digits": b"format = " + b"9" * 5000,
    "a table for format": b"[format]\n",
}
LISTS = {
    "empty.csv": b"",
    "header.csv": b"take,character\n",
    "unknown.csv": b"take,colour\na.mp4,red\n",
    "nul.csv": b"take\na\0b.mp4\n",
    "utf16.csv": "take\na.mp4\n".encode("utf-16"),
    "long_cell.csv": b"take\n" + b"x" * 200_000 + b"\n",
    "long_name.csv": b"take,character\n" + b"x" * 5000 + b".mp4," + b"y" * 5000 + b"\n",
    "quote.csv": b'take\n"a.mp4\n',
    "many_cells.csv": b"take\na.mp4,b,c,d,e\n",
    "above.csv": b"take\n..\n",
    "root.csv": b"take\n/\n",
    "zero_device.csv": b"take\n/dev/zero\n",
    "seed.csv": b"take,seed\na.mp4," + b"9" * 5000 + b"\n",
    "background.csv": b"take,background\na.mp4," + b"x" * 5000 + b"\n",
    "empty.toml": b"",
    "other.toml": b"[other]\na = 1\n",
    "nested.toml": b"shot = " + b"[" * 5000,
    "digits.toml": b"[[shot]]\ntake = 'a.mp4'\nseed = " + b"9" * 5000,
    "date.toml": b"[[shot]]\ntake = 1979-05-27\n",
    "table.toml": b"[[shot]]\ntake = { a = 1 }\n",
    "list.txt": b"a.mp4\n",
    "20 MB.toml": b"# x\n" * 5_000_000,
}


def iterate_file_cases(perf: bytes, folder: Path) -> Iterator[Case]:
    """Yield all cases of files that perfkit's own formats stand in."""
    for number in range(NUM_DAMAGED):
        rng = random.Random(f"perf {number}")
        yield _make_perf_case(f"structure, seed {number}", damage_safetensors(perf, rng))
        yield _make_perf_case(f"bytes, seed {number}", damage_bytes(perf, rng))
    yield _make_perf_case("a header of 2**63 bytes", b"\xff" * 7 + b"\x7f" + perf[8:])
    yield _make_perf_case("nothing", b"")
    yield from _iterate_pack_cases(make_small_pack(folder / "pack"), perf)
    for name, content in LISTS.items():
        yield _make_list_case(name, content)
    for number in range(NUM_DAMAGED):
        rng = random.Random(f"list {number}")
        yield _make_list_case(f"damaged_{number}.csv", damage_lines(b"take,seed,alpha\na.mp4,3,\nb.mp4,,no\n", rng))
        yield _make_list_case(f"damaged_{number}.toml", damage_lines(b"[[shot]]\ntake = 'a.mp4'\nseed = 3\n", rng))


def _make_perf_case(name: str, content: bytes) -> Case:
    def prepare(folder: Path) -> list[str]:
        (folder / "take.perf").write_bytes(content)
        return ["render", "take.perf", *RENDER, "-o", "out/x.mp4"]

    return Case(".perf files", name, prepare)


def _iterate_pack_cases(pack: Path, perf: bytes) -> Iterator[Case]:
    manifest = (pack / "character.toml").read_bytes()
    for number in range(NUM_DAMAGED):
        damaged = damage_lines(manifest, random.Random(f"pack {number}"))
        yield _make_pack_case(f"lines, seed {number}", pack, perf, damaged)
    for name, content in MANIFESTS.items():
        yield _make_pack_case(name, pack, perf, content)
    for name in (
        "a pipe as manifest",
        "a folder as manifest",
        "a drawing is a pipe",
        "a drawing is a link to /dev/zero",
    ):
        yield _make_pack_case(name, pack, perf, manifest)
    for name in ("", "..", "/", "x" * 5000, "a/b/c", "zib/../zib", "\u202ezib"):
        yield _make_pack_case(f"named {name[:20]!r}", pack, perf, manifest, name)


def _make_pack_case(what: str, pack: Path, perf: bytes, manifest: bytes | None, name: str | None = None) -> Case:
    def prepare(folder: Path) -> list[str]:
        (folder / "take.perf").write_bytes(perf)
        copy = Path(shutil.copytree(pack, folder / "pack"))
        (copy / "character.toml").unlink()
        drawing = next(path for path in sorted((copy / "art").iterdir()) if path.suffix == ".png")
        if what == "a pipe as manifest":
            os.mkfifo(copy / "character.toml")
        elif what == "a folder as manifest":
            (copy / "character.toml").mkdir()
        elif manifest is not None:
            (copy / "character.toml").write_bytes(manifest)
        if what.startswith("a drawing"):
            drawing.unlink()
            os.mkfifo(drawing) if what.endswith("pipe") else drawing.symlink_to("/dev/zero")
        return ["render", "take.perf", "-c", "pack" if name is None else name, "--steps", "1", "-o", "out/x.mp4"]

    return Case("packs", what, prepare)


def _make_list_case(name: str, content: bytes) -> Case:
    def prepare(folder: Path) -> list[str]:
        (folder / name).write_bytes(content)
        return ["batch", name, "-o", "out", "--character", "zib", "--dry-run"]

    return Case("lists of shots", name, prepare, ())
