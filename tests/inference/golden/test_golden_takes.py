"""Golden takes of real takes, with the real engine: seeded faults, clean repeats, other circumstances. Minutes."""

from pathlib import Path

import pytest
from golden_faults import FAULTS, strengthen_lora

from perfkit.inference.golden.checking import check_golden, record_golden
from perfkit.inference.settings import RuntimeSettings

pytestmark = pytest.mark.slow
TAKES = ("tears", "portrait")
NUM_REPEATS = 20
REAL_FAULTS = {**FAULTS, "LoRA 2 % up": (strengthen_lora, "latents")}


@pytest.fixture(scope="module")
def goldens(tmp_path_factory, short_take, takes_dir, character) -> Path:
    """Goldens of two real takes, the second with sound."""
    folder = tmp_path_factory.mktemp("goldens")
    sources = (short_take, takes_dir / "people" / "sample_portrait.mp4")
    for name, source in zip(TAKES, sources, strict=True):
        record_golden(source, character, folder / name)
    return folder


@pytest.mark.parametrize("fault", REAL_FAULTS)
@pytest.mark.parametrize("take", TAKES)
def test_a_seeded_fault_is_caught_and_named_by_its_tier(goldens, monkeypatch, take, fault):
    inject, tier = REAL_FAULTS[fault]
    if tier == "sound" and take == "tears":
        pytest.skip("a silent take")
    inject(monkeypatch)
    comparison = check_golden(goldens / take).comparison
    assert comparison.first_broken is not None, str(comparison)
    assert comparison.first_broken.name == tier, str(comparison)


@pytest.mark.parametrize("repeat", range(NUM_REPEATS))
def test_a_clean_repeat_raises_no_alarm(goldens, repeat):
    comparison = check_golden(goldens / TAKES[repeat % 2]).comparison
    assert comparison.passes, str(comparison)


@pytest.mark.parametrize(
    "runtime",
    [
        RuntimeSettings(num_threads=1),
        RuntimeSettings(window_frames=7),
        RuntimeSettings(window_frames=11, num_threads=1),
        RuntimeSettings(backend="torch"),
    ],
    ids=["one thread", "another window", "both", "another backend"],
)
@pytest.mark.parametrize("take", TAKES)
def test_other_circumstances_raise_no_alarm(goldens, take, runtime):
    comparison = check_golden(goldens / take, runtime).comparison
    assert comparison.passes, str(comparison)
