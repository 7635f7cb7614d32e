"""The command line, run inside the test's own process."""

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def make_runner(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Return a function that runs `perfkit` with the given arguments."""
    import perfkit.cli

    def run_command(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["perfkit", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            perfkit.cli.main()
        code = ended.value.code
        return Outcome(code if isinstance(code, int) else 0, *capfd.readouterr())

    return run_command
