"""Rows in files are the rows that were given, take no memory once they are let go, and leave nothing on the disk."""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from perfkit.rows import iterate_parts, keep_rows, let_go

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
KEEP_MUCH = """
import sys
import numpy as np
from perfkit.errors import MediaError
from perfkit.rows import keep_rows
try:
    keep_rows([np.zeros((100, 1000))] for _ in range(3))
except MediaError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def scratch(tmp_path, monkeypatch) -> Path:
    """Rows are kept in tmp_path."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@pytest.mark.parametrize("cuts", [[], [5], [0, 1, 1, 11], range(1, 12)])
def test_rows_come_back_as_they_were_however_they_came(cuts):
    rng = np.random.default_rng(0)
    arrays = [
        rng.normal(size=(12, 7, 3)).astype(np.float32)[:, ::2],
        rng.integers(0, 2**40, 12),
        rng.integers(0, 255, (12, 2)).astype(np.uint8),
        rng.normal(size=(12, 0)),
    ]
    kept = keep_rows(zip(*(np.split(array, cuts) for array in arrays), strict=True))
    for array, rows in zip(arrays, kept, strict=True):
        assert np.array_equal(rows, array) and rows.dtype == array.dtype and rows.flags.c_contiguous


def test_what_never_came_is_no_array_and_no_rows_are_an_empty_one():
    assert keep_rows([]) == []
    assert keep_rows([[np.zeros((0, 3), np.float32)]])[0].shape == (0, 3)


def test_what_is_kept_can_only_be_read():
    (rows,) = keep_rows([[np.arange(3)]])
    with pytest.raises(ValueError, match="read-only"):
        rows[0] = 1


def test_rows_that_are_let_go_are_still_there():
    (rows,) = keep_rows([[np.arange(100_000)]])
    whole = int(rows.sum())
    let_go(rows[3:, None], np.zeros(2))
    assert int(rows.sum()) == whole


@ON_LINUX
def test_rows_that_were_passed_take_no_memory():
    def count_mapped_mb() -> float:
        status = Path("/proc/self/status").read_text()
        return int(status.split("RssFile:")[1].split()[0]) / 1e3

    (rows,) = keep_rows([np.ones((512, 2000))] for _ in range(8))
    before = count_mapped_mb()
    most = max(count_mapped_mb() for part in iterate_parts(len(rows), rows) if rows[part].sum())
    assert most - before < 12, "a part is 8 MB, all of them 66"
    assert count_mapped_mb() - before < 4


def test_nothing_lies_in_the_folder_not_even_while_rows_come(scratch):
    def rows():
        for _ in range(3):
            yield [np.zeros(9)]
            assert list(scratch.iterdir()) == []

    kept = keep_rows(rows())
    assert list(scratch.iterdir()) == [] and len(kept[0]) == 27


def test_a_full_disk_is_said_in_one_line_that_names_the_folder(tmp_path):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-B", "-c", KEEP_MUCH], preexec_fn=limit, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith(str(tmp_path)) and "File too large" in done.stderr and "TMPDIR" in done.stderr
    assert list(tmp_path.iterdir()) == []
