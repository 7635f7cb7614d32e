"""The odd inputs of scripts/bench_robustness.py as commands: takes, names, places, targets.

In: the sample take, a folder of odd takes if there is one. Out: `Case`s, the same in every run.
"""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from judge_case import Case
from odd_takes import iterate_damaged, iterate_lying_headers, iterate_lying_videos

RENDER = ["-c", "zib", "--steps", "1"]
TINY_BYTES = 200_000


def iterate_take_cases(clips: dict[str, bytes], take: Path, folder: Path) -> Iterator[Case]:
    """Yield damaged and lying takes; every fourth is rendered, the others captured: a render captures first."""
    takes = [*iterate_damaged(clips), *iterate_lying_headers(clips), *iterate_lying_videos(take, folder)]
    for number, (kind, name, suffix, content) in enumerate(takes):
        yield make_take_case(kind, f"{suffix}: {name}", f"take.{suffix}", content, is_rendered=number % 4 == 0)


def make_take_case(kind: str, name: str, file_name: str, content: bytes, *, is_rendered: bool = False) -> Case:
    """Make a case of one file that is captured or rendered."""

    def prepare(folder: Path) -> list[str]:
        (folder / file_name).write_bytes(content)
        return ["render", file_name, *RENDER, "-o", "out/x.mp4"] if is_rendered else capture(file_name)

    return Case(kind, name, prepare)


def capture(source: str) -> list[str]:
    """Return the arguments of a capture."""
    return ["capture", source, "-o", "out/x.perf"]


def iterate_odd_files(folder: Path) -> Iterator[Case]:
    """Yield every file of a folder of real odd takes."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        yield Case("real odd takes", path.name, lambda _, path=path: ["render", str(path), *RENDER, "-o", "out/x.mp4"])


def iterate_suffix_cases(clips: dict[str, bytes], perf: bytes) -> Iterator[Case]:
    """Yield files whose name says something else than their content."""
    mp4 = clips["mp4"]
    contents = {
        "take.mkv": mp4,
        "take.avi": clips["webm"],
        "take.mp4": perf,
        "take.perf": mp4,
        "take": mp4,
        "take.txt": mp4,
        "take.jpg": mp4,
        "empty.mp4": b"",
        "text.mp4": b"this is no video\n" * 100,
        "page.mp4": b"<!doctype html><video src=x.mp4></video>",
        "script.mp4": b"ffconcat version 1.0\nfile /etc/passwd\nfile take.mp4\n",
        "list.mp4": b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/take.ts\n#EXT-X-ENDLIST\n",
        "dash.mp4": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period/></MPD>',
        "sdp.mp4": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5000 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        "subtitles.mp4": b"1\n00:00:00,000 --> 00:00:01,000\nhello\n",
        "archive.mp4": b"PK\x03\x04" + bytes(200),
        "picture.mp4": b"\x89PNG\r\n\x1a\n" + bytes(200),
        "sound.mp4": b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x44\xac\0\0\x88\x58\1\0\2\0\x10\0data\0\0\0\0",
    }
    for name, content in contents.items():
        yield make_take_case("wrong extensions", name, name, content, is_rendered=name in ("take.mkv", "take.perf"))


def iterate_name_cases(clip: bytes) -> Iterator[Case]:
    """Yield good takes whose names are hard to carry through a program."""
    names = {
        "unicode": "Ünïcödé 表情 🎭.mp4",
        "255 bytes": "x" * 251 + ".mp4",
        "255 bytes of unicode": "é" * 125 + "x.mp4",
        "a newline": "a\nb.mp4",
        "a tab and an escape": "a\t\x1b[31mb.mp4",
        "a colon": "10:30.mp4",
        "a protocol": "http:take.mp4",
        "a per cent pattern": "take%03d.mp4",
        "a star and brackets": "[a]*?.mp4",
        "quotes": "'\"`$(x).mp4",
        "a dot in front": ".take.mp4",
        "a space at the end": "take.mp4 ",
        "dots only before the suffix": "...mp4",
        "not UTF-8": os.fsdecode(b"caf\xe9.mp4"),
        "a backslash": "a\\b.mp4",
        "rich markup": "[bold]take[/].mp4",
    }
    for what, name in names.items():
        for verb in ("render", "batch"):
            yield _make_name_case(what, name, clip, verb)
    yield _make_name_case("a dash in front", "-take.mp4", clip, "render", "./-take.mp4")
    yield _make_name_case("a dash in front, as an option", "-take.mp4", clip, "render", "-take.mp4")
    yield _make_name_case("deep folders", "/".join(["d" * 200] * 15) + "/take.mp4", clip, "render")
    yield _make_name_case("deep folders", "/".join(["d" * 50] * 20) + "/take.mp4", clip, "batch")


def _make_name_case(what: str, name: str, clip: bytes, verb: str, argument: str = "") -> Case:
    def prepare(folder: Path) -> list[str]:
        path = folder / "takes" / name if verb == "batch" else folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(clip)
        if verb == "batch":
            return ["batch", "takes", "-o", "out", "--character", "zib", "--dry-run"]
        out = path.name.replace(".mp4", "o.mp4") if len(path.name) < 200 else path.name
        return ["render", argument or name, *RENDER, "-o", f"out/{out}"]

    return Case("names", f"{what}, {verb}", prepare, ("out/*",) if verb == "render" else ())


def iterate_place_cases(clip: bytes) -> Iterator[Case]:
    """Yield what is no file, or not there, or leads in circles, in the place of a take; alone and in lists."""
    makers: dict[str, Callable[[Path], object]] = {
        "nothing": lambda path: None,
        "an empty folder": lambda path: path.mkdir(),
        "a pipe": os.mkfifo,
        "a dangling link": lambda path: path.symlink_to("nowhere"),
        "a link to itself": lambda path: path.symlink_to(path.name),
        "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
        "a link to /dev/null": lambda path: path.symlink_to("/dev/null"),
        "a link to /proc/self/mem": lambda path: path.symlink_to("/proc/self/mem"),
        "a link to the process's own stderr": lambda path: path.symlink_to("/proc/self/fd/2"),
        "a socket": _make_socket,
        "a hole of 100 GB": lambda path: path.open("wb").truncate(100 * 10**9),
        "a link to the folder above": lambda path: path.symlink_to(".."),
    }
    for what, make in makers.items():
        for verb in ("capture", "render", "batch a folder", "batch a list"):
            yield _make_place_case(what, make, verb, clip)


def _make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(path))


def _make_place_case(what: str, make: Callable[[Path], object], verb: str, clip: bytes) -> Case:
    def prepare(folder: Path) -> list[str]:
        (folder / "takes").mkdir()
        make(folder / "takes" / "odd.mp4")
        if verb == "capture":
            return capture("takes/odd.mp4")
        if verb == "render":
            return ["render", "takes/odd.mp4", *RENDER, "-o", "out/x.mp4"]
        (folder / "takes" / "good.mp4").write_bytes(clip)
        source = "takes"
        if verb == "batch a list":
            source = "list.csv"
            (folder / source).write_text("take\ntakes/odd.mp4\ntakes/good.mp4\n")
        return ["batch", source, "-o", "out", "--character", "zib", "--dry-run"]

    return Case("places", f"{what}, {verb}", prepare, () if verb.startswith("batch") else ("out/*",))


def iterate_target_cases(clip: bytes) -> Iterator[Case]:
    """Yield good takes whose result cannot be written where it is wanted."""
    outs = {
        "a file as folder": "take.mp4/x.mp4",
        "an absent folder": "nowhere/x.mp4",
        "/proc": "/proc/x.mp4",
        "/sys": "/sys/x.mp4",
        "a folder": "out",
        "a folder with a suffix": "folder.mp4",
        "the take itself": "take.mp4",
        "a link to the take": "link.mp4",
        "a link to itself": "loop.mp4",
        "a pipe": "pipe.mp4",
        "a device": "null.mp4",
        "an unknown suffix": "out/x.xyz",
        "no name": "",
        "a name of 256 bytes": "out/" + "x" * 252 + ".mp4",
        "a name whose .json has 256 bytes": "out/" + "x" * 247 + ".mp4",
        "a path of 5000 bytes": "out/" + "x/" * 2500 + "x.mp4",
        "a full disk": "tiny/x.mp4",
        "a full disk, ProRes": "tiny/x.mov",
        "a full disk, pictures": "tiny/x",
        "a read-only disk": "fixed/x.mp4",
    }
    for what, out in outs.items():
        for verb in ("render", "capture"):
            if verb == "render" or Path(out).suffix in (".mp4", ""):
                yield _make_target_case(what, clip, verb, ["-o", out])
    for what, sheet in {"a folder": "out", "an absent folder": "nowhere/s.png", "/proc": "/proc/s.png"}.items():
        yield _make_target_case(f"sheet: {what}", clip, "render", ["-o", "out/x.mp4", "--sheet", sheet])
    for what, out in {"a file": "take.mp4", "a full disk": "tiny", "/proc": "/proc/out", "a pipe": "pipe.mp4"}.items():
        yield _make_target_case(f"batch into {what}", clip, "batch", ["-o", out])


def _make_target_case(what: str, clip: bytes, verb: str, options: list[str]) -> Case:
    def prepare(folder: Path) -> list[str]:
        (folder / "take.mp4").write_bytes(clip)
        (folder / "folder.mp4").mkdir()
        (folder / "link.mp4").symlink_to("take.mp4")
        (folder / "loop.mp4").symlink_to("loop.mp4")
        os.mkfifo(folder / "pipe.mp4")
        if "null.mp4" in options:
            os.mknod(folder / "null.mp4", 0o20666, os.makedev(1, 3))
        for place, kind in (("tiny", f"size={TINY_BYTES}"), ("fixed", "ro")):
            if any(option.startswith(place) for option in options):
                (folder / place).mkdir()
                _mount(folder / place, kind)
        middle = RENDER if verb == "render" else ["-c", "zib"] if verb == "batch" else []
        if verb == "batch":
            (folder / "takes").mkdir()
            (folder / "take.mp4").rename(folder / "takes" / "take.mp4")
            (folder / "take.mp4").write_bytes(b"")
        return [verb, "takes" if verb == "batch" else "take.mp4", *middle, *options]

    # A device that was replaced would be a changed path of another kind; a link may be replaced by the result.
    # Where the disk was full, what is made already is kept beside the result, and a later run goes on.
    may_change = ("out", "out.json", "out/*", "loop.mp4*", "tiny/*") + (("tiny",) if verb == "batch" else ())
    return Case("targets", f"{what}, {verb}", prepare, may_change, verb == "batch" or "full" in what, _unmount)


def _mount(place: Path, options: str) -> None:
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True)
    if done.returncode:
        raise OSError(f"{place.name}: this machine lets nobody mount a disk")


def _unmount(folder: Path) -> None:
    for name in ("tiny", "fixed"):
        with suppress(OSError):
            if os.path.ismount(folder / name):
                subprocess.run(["umount", str(folder / name)], check=True, capture_output=True)
