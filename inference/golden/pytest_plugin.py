"""pytest plugin: golden takes as tests of a studio's own suite. Installed with perfkit; it imports nothing until used.

    def test_golden(golden, golden_name):
        golden(golden_name)

is one test for every golden in the folder `goldens` (ini option), also under pytest-xdist. `--golden-update` approves
what differs; reports lie in `--golden-report`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from perfkit.inference.golden.checking import Check


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the plugin."""
    group = parser.getgroup("perfkit golden takes")
    group.addoption("--golden-update", action="store_true", help="approve renders that differ from their golden take")
    group.addoption("--golden-report", default="golden-report", metavar="DIR", help="folder for reports [%(default)s]")
    parser.addini("goldens", "folder of golden takes, seen from the root", default="goldens")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test for every golden where a test asks for `golden_name`."""
    if "golden_name" in metafunc.fixturenames:
        from perfkit.errors import PerfkitError
        from perfkit.inference.golden.golden_file import find_goldens

        try:
            folders = find_goldens(_goldens_folder(metafunc.config))
        except PerfkitError as error:
            raise pytest.UsageError(str(error)) from error
        metafunc.parametrize("golden_name", [folder.name for folder in folders])


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> "Callable[[str], Check]":
    """Return a function that renders the golden take of a name again and fails the test if it is not as approved."""

    def check(name: str) -> "Check":
        from perfkit.errors import PerfkitError
        from perfkit.inference.golden.checking import approve, check_golden, write_report

        config = request.config
        try:
            result = check_golden(_goldens_folder(config) / name)
        except PerfkitError as error:
            pytest.fail(f"golden {name}: {error}", pytrace=False)
        if result.comparison.passes:
            return result
        if config.getoption("--golden-update"):
            approve(result)
            return result
        report = write_report(result, config.rootpath / config.getoption("--golden-report"))
        pytest.fail(
            f"{result.comparison}\n  report: {report}\n  if this is wanted, approve it: pytest --golden-update",
            pytrace=False,
        )

    return check


def _goldens_folder(config: pytest.Config) -> Path:
    return config.rootpath / config.getini("goldens")
