"""One cell of the coverage table, by the names of its bins."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Cell:
    """One cell of the table, by the names of its bins.

    Attributes:
        turn: Of `bins.TURNS`.
        nod: Of `bins.NODS`.
        face: Of `bins.FACES`, or an expression's own name.
        light: In the base's words.
    """

    turn: str
    nod: str
    face: str
    light: str
