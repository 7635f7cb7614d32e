"""Who allows what with a character: whose it is, who performs in it, what may be done, and until when.

In: the [rights] table of a manifest, the licence and owner of every drawing. Out: `Rights`, or a one-line RightsError
at the moment when something is about to be done that nobody allowed: training on the art, rendering with it.
A pack whose rights are not settled yet still loads, so that it can be looked at, labelled and put right.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from perfkit.art import ArtItem
from perfkit.errors import RightsError
from perfkit.manifest import ManifestTable, shorten

USES: tuple[str, ...] = ("train", "render")
"""What a right may permit: training a model on the drawings, rendering pictures with the character."""

_NOT_STATED = frozenset({"", "none", "unknown", "noassertion", "tbd", "todo", "?"})
_NAMED_ITEMS = 8


@dataclass(frozen=True)
class Rights:
    """Rights in the character as a whole; those in each drawing are the drawing's own.

    Attributes:
        character_owner: Who owns the character; empty = not stated.
        performer: Whose likeness or acting it is bound to, if anybody's.
        permitted_use: Some of `USES`; a use that is not listed is forbidden.
        terms: What else was agreed, for people to read.
        expires: The last day (UTC) on which the permitted uses are permitted; None = without end.
    """

    character_owner: str = ""
    performer: str = ""
    permitted_use: tuple[str, ...] = USES
    terms: str = ""
    expires: date | None = None

    def to_table(self) -> dict[str, object]:
        """Return the [rights] table: what is stated, and nothing where all is as without one."""
        if self == Rights():
            return {}
        texts = {"character_owner": self.character_owner, "performer": self.performer, "terms": self.terms}
        table: dict[str, object] = {name: text for name, text in texts.items() if text}
        table["permitted_use"] = list(self.permitted_use)
        return table if self.expires is None else {**table, "expires": self.expires}


def take_rights(table: ManifestTable) -> Rights:
    """Read the [rights] table of a manifest; without one, the drawings' licences alone decide.

    Raises:
        PackError: An unknown use, something that is no date, an unknown key.
    """
    if not table.has("rights"):
        return Rights()
    section = table.take_table("rights")
    texts = {name: section.take_text(name) for name in ("character_owner", "performer", "terms") if section.has(name)}
    uses = section.take("permitted_use", f"some of {list(USES)}")
    if not isinstance(uses, list) or len(set(map(str, uses))) != len(uses) or not set(map(str, uses)) <= set(USES):
        raise section.refuse("permitted_use", shorten(uses), f"some of {list(USES)}, each once")
    expires = None
    if section.has("expires"):
        value = section.take("expires", "a date, as 2027-12-31")
        if not isinstance(value, date) or isinstance(value, datetime):
            raise section.refuse("expires", shorten(value), "a date without quotes, as 2027-12-31")
        expires = value
    section.finish()
    return Rights(**texts, permitted_use=tuple(use for use in USES if use in uses), expires=expires)


def is_stated(right: str) -> bool:
    """Return whether a licence or an owner is one: "unknown", "none" and the like say nothing."""
    return right.strip().lower() not in _NOT_STATED


def require_right(use: str, rights: Rights, items: Iterable[ArtItem], *, where: str, today: date | None = None) -> None:
    """Refuse a use of a character that its rights do not cover.

    Args:
        use: One of `USES`.
        rights: Of the character.
        items: Its drawings.
        where: The pack's folder, for the message.
        today: None = the day it is, UTC.

    Raises:
        RightsError: The use is not permitted, the permission has expired, or a drawing has no licence or no owner.
    """
    assert use in USES
    owner = f" (owner: {rights.character_owner})" if rights.character_owner else ""
    if use not in rights.permitted_use:
        permitted = ", ".join(rights.permitted_use) or "nothing"
        raise RightsError(
            f"{where}: {use} is not permitted by the character's rights{owner}, which permit {permitted}; ask its "
            f"owner, then run: perfkit character rights {where} --permit {use}"
        )
    today = today or datetime.now(UTC).date()
    if rights.expires is not None and today > rights.expires:
        raise RightsError(
            f"{where}: the character's rights expired on {rights.expires}{owner}; renew them with their owner, then "
            f"run: perfkit character rights {where} --expires YYYY-MM-DD"
        )
    bare = [item.file for item in items if not (is_stated(item.licence) and is_stated(item.owner))]
    if bare:
        named = ", ".join(bare[:_NAMED_ITEMS])
        more = f" and {len(bare) - _NAMED_ITEMS} more" if len(bare) > _NAMED_ITEMS else ""
        raise RightsError(
            f"{where}: no licence or no owner for {named}{more}; to {use}, every drawing needs both: perfkit character "
            f"rights {where} --licence SPDX --owner WHO"
        )
