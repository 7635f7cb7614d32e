"""What became of a folder of drawings, told once and in full.

In: an `IngestReport`. Out: lines for people.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perfkit.art import LABELS
from perfkit.ingest.duplicates import Sameness
from perfkit.ingest.folder import Refusal
from perfkit.ingest.readers import APART, ReaderChoice
from perfkit.ingest.rigging import describe_fit
from perfkit.pack import CharacterPack
from perfkit.rig_fit import RigFit
from perfkit.rights import is_stated

_MOST_NAMED = 12
_MOST_REFUSED = 40
_MOST_APART = 5


@dataclass(frozen=True)
class IngestReport:
    """What `build_pack` made of a folder.

    Attributes:
        pack: The new pack.
        num_found: Files that looked like drawings.
        refused: Files that stay out, with reasons.
        num_ignored: Files that are no drawings.
        sameness: Which files show the same picture, or nearly.
        num_keyed: Drawings whose background was taken off.
        num_framings: How many groups of drawings have a scale of their own.
        notes: What was odd, one line each.
        choice: Which reader was believed.
        fit: What the rig rests on.
    """

    pack: CharacterPack
    num_found: int
    refused: tuple[Refusal, ...]
    num_ignored: int
    sameness: Sameness
    num_keyed: int
    num_framings: int
    notes: tuple[str, ...]
    choice: ReaderChoice
    fit: RigFit


def describe_report(report: IngestReport) -> list[str]:
    """Return the summary, line by line."""
    pack = report.pack
    width, height = pack.canvas_wh
    lines = [f"{pack.name}: {len(pack.art)} drawings of {report.num_found} files, canvas {width}x{height}"]
    lines += [_row(label, _count_sources(pack, label)) for label in LABELS]
    scale = (
        "one scale for all" if report.num_framings == 1 else f"{report.num_framings} sheet shapes, each its own scale"
    )
    lines.append(_row("framing", scale))
    if report.num_keyed:
        lines.append(_row("background", f"taken off {report.num_keyed} drawings without alpha"))
    lines += _rows("faces", _describe_readers(report))
    lines.append(_row("rig", describe_fit(report.fit)))
    lines.append(_row("absent", f"{', '.join(sorted(pack.rig.absent))} (--absent declares parts; nobody guesses them)"))
    lines.append(_row("rights", _describe_rights(pack)))
    if report.num_ignored:
        lines.append(_row("passed over", f"{report.num_ignored} files that are no PNG, JPEG or WebP"))
    lines += _rows("same picture", [f"{', '.join(group[1:])} = {group[0]}: left out" for group in report.sameness.same])
    lines += _rows(
        "same picture", [f"{' = '.join(group)}, labelled differently" for group in report.sameness.contradicting]
    )
    lines += _rows("look alike", [" ~ ".join(group) for group in report.sameness.similar])
    lines += _rows("note", report.notes)
    lines += _rows("refused", [f"{refusal.file}: {refusal.reason}" for refusal in report.refused], _MOST_REFUSED)
    return lines


def _row(title: str, text: str) -> str:
    return f"  {title:<13} {text}"


def _rows(title: str, texts: Sequence[str], limit: int = _MOST_NAMED) -> list[str]:
    rows = [_row(title if index == 0 else "", text) for index, text in enumerate(texts[:limit])]
    return rows if len(texts) <= limit else [*rows, _row("", f"and {len(texts) - limit} more")]


def _count_sources(pack: CharacterPack, label: str) -> str:
    counts = Counter(item.sources.get(label, "not known") for item in pack.art)
    told = [f"{count} from the {source}" for source, count in counts.most_common() if source not in _PLAIN_SOURCES]
    told += [f"{counts[source]} {source}" for source in _PLAIN_SOURCES if counts[source]]
    if label == "light" and counts["assumed"]:
        told[-1] += f" to be {pack.light}"
    return ", ".join(told)


_PLAIN_SOURCES = ("drawn", "assumed", "not known")


def _describe_readers(report: IngestReport) -> list[str]:
    """Return which reader was believed and why, and in which drawings both differ."""
    choice = report.choice
    if not choice.num_read:
        return []
    if choice.num_people:
        found = f"MediaPipe saw {choice.num_people} of {choice.num_read}, plausibly {choice.num_plausible}"
    else:
        found = f"MediaPipe saw none of {choice.num_read}"
    first = "MediaPipe, the landmark network where it is not plausible" if choice.is_person else "the landmark network"
    lines = [f"{found}; read by {first}"]
    apart = [item for item in report.pack.art if item.readers_apart is not None and item.readers_apart > APART]
    if apart:
        worst = sorted(apart, key=lambda item: -(item.readers_apart or 0.0))[:_MOST_APART]
        named = ", ".join(f"{Path(item.file).name} {item.readers_apart:.0%}" for item in worst)
        more = f" and {len(apart) - len(worst)} more" if len(apart) > len(worst) else ""
        lines.append(f"both differ by more than {APART:.0%} of the eye distance in {named}{more}; look at their points")
    return lines


def _describe_rights(pack: CharacterPack) -> str:
    bare = sum(not (is_stated(item.licence) and is_stated(item.owner)) for item in pack.art)
    if bare:
        return (
            f"{bare} drawings have no licence or no owner; before training: perfkit character rights {pack.folder} "
            "--licence SPDX --owner WHO"
        )
    stated = sorted({(item.licence, item.owner) for item in pack.art})
    return "; ".join(f"{licence}, {owner}" for licence, owner in stated[:4]) + (" ..." if len(stated) > 4 else "")
