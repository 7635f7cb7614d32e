"""What the documents say is what the program does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the table lists the packages of Linux")
def test_commands_and_licences_are_up_to_date():
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/write_docs.py"), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_readme_names_only_targets_that_the_makefile_has():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", README)) <= targets


def test_readme_names_only_verbs_and_options_that_the_program_has():
    commands = (ROOT / "docs" / "COMMANDS.md").read_text()
    helps = {
        title: body for title, body in re.findall(r"^## (.+?)\n\n```\n(.+?)```", commands, re.MULTILINE | re.DOTALL)
    }
    used = re.findall(r"^(?:\.venv/bin/)?(perfkit [a-z].*)$", "\n".join(code_lines(README)), re.MULTILINE)
    assert used
    for line in used:
        words = line.split()
        verb = " ".join(words[:3]) if " ".join(words[:3]) in helps else " ".join(words[:2])
        assert verb in helps, line
        for option in re.findall(r"(?<=\s)--[a-z-]+", line):
            assert option in helps[verb], line


def test_readme_names_only_files_that_exist():
    for path in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in path:
            assert (ROOT / path).exists(), path
    for module in re.findall(r"python -m perfkit\.([a-z_.]+)", README):
        room, _, rest = module.partition(".")
        stem = (ROOT / room if room in ("training", "inference") else ROOT / "perfkit" / room) / rest.replace(".", "/")
        assert stem.with_suffix(".py").exists() or (stem / "__main__.py").exists(), module
    for script in re.findall(r"(?:scripts|samples)/[\w./]+\.py", README):
        assert (ROOT / script).exists(), script


def code_lines(text: str) -> list[str]:
    """Return the lines inside fenced blocks, prompts and comments taken off."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    return [line.split("  #")[0].removeprefix("$ ").strip() for block in blocks for line in block.splitlines()]
