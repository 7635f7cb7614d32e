"""A show on its page, and pictures of a real take to feed it with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from live_stage import Stage, open_stage, read_jpegs

from perfkit.video import open_take


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, models_dir: Path) -> Iterator[Stage]:
    """A show that runs, fed by nobody yet."""
    with open_stage(monkeypatch, tmp_path) as stage:
        yield stage


@pytest.fixture(scope="session")
def jpegs(demo_take: Path) -> list[bytes]:
    """The first two seconds of the sample take."""
    return read_jpegs(open_take(demo_take), 48)
