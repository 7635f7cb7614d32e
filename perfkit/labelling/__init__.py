"""Labelling: a person looks at a pack's drawings, corrects what was guessed, and saves it.

    pack --show--> page --edits--> checked as a sidecar's rows --apply--> manifest, landmarks, art/labels.json

In: a pack's folder, perhaps a reader of faces. Out: the same pack with better labels, or one line that says why not.
The page is perfkit/labelling/page/; `perfkit.serving` lets one browser in.
"""

from perfkit.labelling.desk import LabelDesk, needs_reader
from perfkit.labelling.label_app import make_label_app

__all__ = ["LabelDesk", "make_label_app", "needs_reader"]
