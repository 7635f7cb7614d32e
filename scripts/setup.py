"""Set perfkit up in .venv: pinned dependencies, editable install, tracker files, sample take. Standard library only.

In: a machine with Python 3.11 or newer. Out: `.venv` and a stamp in it; a second run finds the stamp and installs
nothing. `constraints.txt` pins the whole closure, so nothing is resolved: what it lists is what is installed.
"""

import argparse
import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "perfkit-setup.sha256"
STAMPED_FILES = ("pyproject.toml", "constraints.txt", "scripts/setup.py")
UV_PIN = "uv==0.13.9"
SYSTEM_LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libEGL.so.1": "libegl1",
    "libGLESv2.so.2": "libgles2",
}
TEST_PROGRAMS = ("strace", "chromium", "ffmpeg")
"""For the tests of containment, of the pages and of delivery; those tests are skipped where they can't be installed."""


class SetupError(Exception):
    """A step that failed, as one line: what, and what to do."""


def say(line: str) -> None:
    """Write one line of progress to stderr."""
    print(f"setup: {line}", file=sys.stderr, flush=True)


def venv_program(name: str) -> Path:
    """Return the path of a program inside the environment."""
    return VENV / ("Scripts" if os.name == "nt" else "bin") / (f"{name}.exe" if os.name == "nt" else name)


def run_step(command: list[str], failure: str) -> None:
    """Run a command quietly; its output is shown only when it fails.

    Raises:
        SetupError: The command cannot be started or exits with anything but 0.
    """
    try:
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except OSError as error:
        raise SetupError(f"{failure} ({error})") from error
    if done.returncode:
        sys.stderr.write(done.stdout[-4000:] + done.stderr[-4000:])
        raise SetupError(f"{failure} (exit {done.returncode} of: {' '.join(command)})")


def digest_inputs() -> str:
    """Return the SHA-256 over everything that decides what is installed."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {ROOT}".encode())
    for name in STAMPED_FILES:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def is_installed(wanted: str) -> bool:
    """Tell whether the environment already holds exactly this set-up."""
    return venv_program("python").exists() and STAMP.exists() and STAMP.read_text() == wanted


def missing_system_packages() -> list[str]:
    """Return Debian package names of the shared libraries that OpenCV and MediaPipe need and that do not load."""
    missing = []
    for library, package in SYSTEM_LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(package)
    return missing


def install_system_packages(programs: tuple[str, ...] = ()) -> None:
    """Install missing shared libraries, and programs that tests use, where apt and the rights allow it."""
    if not sys.platform.startswith("linux"):
        return
    needed = missing_system_packages()
    wanted = needed + [name for name in programs if shutil.which(name) is None]
    if not wanted:
        return
    can_install = shutil.which("apt-get") is not None and os.geteuid() == 0
    if can_install:
        say(f"installing system packages: {' '.join(wanted)}")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *wanted]):
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=environment)
        needed = missing_system_packages()
    if needed:
        say(f"system libraries are missing; install them: sudo apt-get install {' '.join(needed)}")


def make_environment() -> None:
    """Create .venv with the Python that runs this script."""
    if venv_program("python").exists():
        return
    say(f"creating {VENV.name} with Python {sys.version.split()[0]}")
    run_step(
        [sys.executable, "-m", "venv", "--clear", str(VENV)],
        "cannot create .venv; on Debian install python3-venv, then run this again",
    )


def install_packages() -> None:
    """Install the pinned closure and perfkit itself (editable), with uv where it is to be had, else with pip."""
    python = str(venv_program("python"))
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    uv = venv_program("uv")
    if not uv.exists():
        subprocess.run([*pip, UV_PIN], stdin=subprocess.DEVNULL, capture_output=True)
    install = [str(uv), "pip", "install", "--quiet", "--python", python] if uv.exists() else pip
    say(f"installing pinned packages with {'uv' if uv.exists() else 'pip'} (about 6 GB on Linux, minutes)")
    retry = "cannot install; check the connection to the package registry and run this again"
    run_step([*install, "--no-deps", "-r", "constraints.txt"], retry)
    run_step([*install, "--no-deps", "--no-build-isolation", "-e", "."], retry)


def fetch_files() -> None:
    """Get the tracker files and the sample take; both scripts return at once when everything is there."""
    for script in ("fetch_models.py", "fetch_take.py"):
        command = [str(venv_program("python")), str(ROOT / "scripts" / script)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        for line in done.stdout.splitlines():
            if not line.endswith(": there"):
                say(line)
        if done.returncode:
            raise SetupError(f"scripts/{script} failed; perfkit works once it has passed: run it again")


def main() -> int:
    """Set everything up that is not there yet; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--for-tests", action="store_true", help="get the programs that tests use, too")
    parser.add_argument("--no-fetch", action="store_true", help="skip the tracker files and the sample take")
    arguments = parser.parse_args()
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever runs this may hold an older one
        say(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}; run: make PYTHON=python3.11")
        return 1
    try:
        wanted = digest_inputs()
        if not is_installed(wanted):
            install_system_packages()
            make_environment()
            install_packages()
            STAMP.write_text(wanted)
            say("done")
        if arguments.for_tests:
            install_system_packages(TEST_PROGRAMS)
        if not arguments.no_fetch:
            fetch_files()
    except SetupError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
