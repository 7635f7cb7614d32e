"""Build the wheel into a folder: python scripts/build_wheel.py [FOLDER]. Prints its path; its size goes to stderr.

The sources are copied aside first, so that nothing stale from an earlier build gets in and the checkout stays clean.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("perfkit", "training", "inference", "samples/characters")
FILES = ("pyproject.toml", "README.md", "LICENSE")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.checkpoint", "*.part")


def build_wheel(target: Path) -> Path:
    """Build the wheel without the network and return its path."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in SOURCES:
            shutil.copytree(ROOT / name, copy / name, ignore=LEFT_OUT)
        for name in FILES:
            shutil.copy2(ROOT / name, copy / name)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
        subprocess.run([*command, "--wheel-dir", str(target.resolve()), str(copy)], check=True, cwd=copy)
    return max(target.glob("perfkit-*.whl"), key=lambda path: path.stat().st_mtime)


def main() -> int:
    """Build and name the wheel."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist"
    wheel = build_wheel(target)
    print(f"{wheel.stat().st_size / 1e6:.1f} MB", file=sys.stderr)
    print(wheel)
    return 0


if __name__ == "__main__":
    sys.exit(main())
