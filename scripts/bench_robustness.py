"""Malformed and odd inputs, for scripts/bench.py: each is finished or refused in one line, and leaves nothing behind.

Two run side by side. PERFKIT_BENCH_ODD names a folder of real odd takes [../shared/takes/odd]; PERFKIT_BENCH_CASES the
cases of the fuzzer for each loader [100000]; PERFKIT_BENCH_KINDS, separated by commas, some rows only.
"""

import os
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fuzz_loaders import print_fuzz
from judge_case import Case, Verdict, judge
from odd_cases import (
    iterate_name_cases,
    iterate_odd_files,
    iterate_place_cases,
    iterate_suffix_cases,
    iterate_take_cases,
    iterate_target_cases,
)
from odd_files import iterate_file_cases
from odd_takes import make_clips

ROOT = Path(__file__).resolve().parent.parent
ODD_FOLDER = Path(os.environ.get("PERFKIT_BENCH_ODD", ROOT.parent / "shared" / "takes" / "odd"))
NUM_SIDE_BY_SIDE = 2


def print_robustness(take: Path) -> None:
    """Run every case, print the table, the violations and how the loaders' fuzzing ended."""
    with tempfile.TemporaryDirectory(prefix="perfkit-odd-") as name:
        folder = Path(name)
        cases = make_cases(take, folder)
        chosen = {kind for kind in os.environ.get("PERFKIT_BENCH_KINDS", "").split(",") if kind}
        cases = [case for case in cases if not chosen or case.kind in chosen]
        verdicts = run_cases(cases, folder)
    print_table(cases, verdicts)
    print_fuzz(int(os.environ.get("PERFKIT_BENCH_CASES", "100000")))


def make_cases(take: Path, folder: Path) -> list[Case]:
    """Return all cases; what they are made of is written below a folder."""
    from perfkit.capture import capture_take
    from perfkit.track import save_track

    clips = make_clips(take, folder)
    save_track(capture_take(folder / "clip.mp4"), folder / "clip.perf")
    perf = (folder / "clip.perf").read_bytes()
    return [
        *iterate_odd_files(ODD_FOLDER),
        *iterate_take_cases(clips, take, folder),
        *iterate_suffix_cases(clips, perf),
        *iterate_name_cases(clips["mp4"]),
        *iterate_place_cases(clips["mp4"]),
        *iterate_target_cases(clips["mp4"]),
        *iterate_file_cases(perf, folder),
    ]


def run_cases(cases: Sequence[Case], folder: Path) -> list[Verdict]:
    """Run cases side by side; those that this machine cannot make are left out."""

    def run(numbered: tuple[int, Case]) -> Verdict | None:
        place = folder / f"case{numbered[0]}"
        place.mkdir()
        try:
            verdict = judge(numbered[1], place)
        except OSError as error:
            print(f"    left out: {numbered[1].kind}, {numbered[1].name}: {error}", flush=True)
            return None
        finally:
            shutil.rmtree(place, ignore_errors=True)
        for violation in verdict.violations:
            print(f"    {describe(verdict)}\n        {violation}", flush=True)
        return verdict

    with ThreadPoolExecutor(NUM_SIDE_BY_SIDE) as pool:
        return [verdict for verdict in pool.map(run, enumerate(cases)) if verdict is not None]


def describe(verdict: Verdict) -> str:
    """Return what was odd, and the command."""
    command = shlex.join(["perfkit", *(text[:80] for text in verdict.arguments)])
    return f"{verdict.case.kind}, {verdict.case.name}: {command}".replace("\n", "\\n")


def print_table(cases: Sequence[Case], verdicts: Sequence[Verdict]) -> None:
    """Print a row for every kind, and one for all."""
    print("kind | tried | finished | refused | violations | longest | most memory")
    for kind in [*dict.fromkeys(case.kind for case in cases), "all"]:
        rows = [verdict for verdict in verdicts if kind in ("all", verdict.case.kind)]
        if not rows:
            continue
        num_finished = sum(verdict.code == 0 for verdict in rows)
        num_refused = sum(verdict.code in (1, 2) for verdict in rows)
        num_bad = sum(bool(verdict.violations) for verdict in rows)
        longest, most = max(each.seconds for each in rows), max(each.peak_bytes for each in rows) / 1e9
        print(f"{kind} | {len(rows)} | {num_finished} | {num_refused} | {num_bad} | {longest:.0f} s | {most:.2f} GB")
