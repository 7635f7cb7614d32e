"""Write constraints.txt: exact pins of everything in the running environment, perfkit itself apart.

In: the environment of a set-up in which the whole test suite passed. Out: plain `name==version` lines that pip and
uv both read; packages that exist for Linux only carry a marker. No registry address is ever written.
"""

import importlib.metadata
import re
import sys
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "constraints.txt"
LEFT_OUT = {"perfkit", "pip", "uv", "wheel"}
LINUX_ONLY = re.compile(r"^(nvidia-|cuda-|triton$)")
UNWANTED = {"opencv-python", "opencv-python-headless", "opencv-contrib-python-headless"}
HEADER = """\
# Exact versions of the whole closure, as tested; written by scripts/pin_constraints.py. Installed without resolving,
# which keeps out opencv-python and opencv-python-headless (they would unpack over opencv-contrib-python).
"""


def pin_lines() -> list[str]:
    """Return one `name==version` line per installed distribution, sorted by name."""
    versions = {}
    for distribution in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
        versions[name] = distribution.version.split("+")[0]
    if clash := UNWANTED & versions.keys():
        raise SystemExit(f"{', '.join(sorted(clash))} lies over opencv-contrib-python: make .venv anew before pinning")
    return [
        f"{name}=={version}" + (' ; sys_platform == "linux"' if LINUX_ONLY.match(name) else "")
        for name, version in sorted(versions.items())
        if name not in LEFT_OUT
    ]


def main() -> int:
    """Write the file and name it."""
    TARGET.write_text(HEADER + "\n".join(pin_lines()) + "\n")
    print(TARGET)
    return 0


if __name__ == "__main__":
    sys.exit(main())
