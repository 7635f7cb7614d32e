"""Write the two documents that are read off the program: docs/COMMANDS.md and the dependency table of LICENCES.md.

`python scripts/write_docs.py` writes them; with `--check` it only tells (exit 1) whether they are out of date.
"""

import importlib.metadata
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = ROOT / "docs" / "COMMANDS.md"
LICENCES = ROOT / "LICENCES.md"
TABLE_MARKS = ("<!-- dependencies: written by scripts/write_docs.py -->", "<!-- end of dependencies -->")
STATED_ELSEWHERE = {
    "cuda-toolkit": "NVIDIA proprietary (a list of packages, no content)",
    "nvidia-cusparselt-cu13": "LicenseRef-NVIDIA-Proprietary",
    "matplotlib": "PSF-style (Matplotlib licence)",
    "kiwisolver": "BSD-3-Clause",
    "cycler": "BSD-3-Clause",
    "scipy": "BSD-3-Clause",
    "scikit-image": "BSD-3-Clause AND BSD-2-Clause AND MIT",
    "transformers": "Apache-2.0",
    "triton": "MIT",
    "openvino-telemetry": "Apache-2.0",
    "python-osc": "Unlicense",
    "openexr": "BSD-3-Clause",
}
"""Packages whose metadata holds a whole licence text, or nothing."""


def write_commands() -> str:
    """Return the help of every command as one document."""
    import typer.main

    from perfkit.cli.app import app

    parts = ["# Commands", "What `perfkit VERB --help` prints. Written by `scripts/write_docs.py`; a test compares."]
    for path, context in _iterate_contexts("perfkit", typer.main.get_command(app), None):
        parts.append(f"## {path}\n\n```\n{context.get_help().rstrip()}\n```")
    return "\n\n".join(parts) + "\n"


def _iterate_contexts(path: str, command: Any, parent: Any) -> Iterator[tuple[str, Any]]:
    name = path.rpartition(" ")[2]
    context = command.make_context(name, [], parent=parent, resilient_parsing=True, terminal_width=100)
    yield path, context
    for child_name, child in getattr(command, "commands", {}).items():
        yield from _iterate_contexts(f"{path} {child_name}", child, context)


def write_licences() -> str:
    """Return LICENCES.md with a fresh dependency table."""
    text = LICENCES.read_text()
    head, rest = text.split(TABLE_MARKS[0])
    _, tail = rest.split(TABLE_MARKS[1])
    rows = [f"| {name} | {_licence_of(name)} |" for name in _pinned_names()]
    table = "\n".join(["", "| package | licence |", "|---|---|", *rows, ""])
    return head + TABLE_MARKS[0] + table + TABLE_MARKS[1] + tail


def _pinned_names() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [line.split("==")[0] for line in lines if line and not line.startswith("#")]


def _licence_of(name: str) -> str:
    if name in STATED_ELSEWHERE:
        return STATED_ELSEWHERE[name]
    metadata = importlib.metadata.metadata(name)
    if expression := metadata["License-Expression"]:
        return expression
    classified = [c.split(" :: ")[-1] for c in metadata.get_all("Classifier", []) if c.startswith("License")]
    classified = [licence for licence in classified if licence != "DFSG approved"]
    stated = (metadata["License"] or "").strip()
    return " / ".join(classified) or re.sub(r"\s+", " ", stated) or "not stated"


def main() -> int:
    """Write or check both documents; return the exit code."""
    documents = {COMMANDS: write_commands(), LICENCES: write_licences()}
    if "--check" in sys.argv[1:]:
        stale = [path.name for path, text in documents.items() if not path.exists() or path.read_text() != text]
        if stale:
            print(f"out of date: {', '.join(stale)}; run: make docs")
        return 1 if stale else 0
    for path, text in documents.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
