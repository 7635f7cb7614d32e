"""From a folder of drawings to a character pack: `build_pack` is the table of contents.

folder --find--> files --read--> pictures --key--> characters --frame--> canvas
labels.csv, names, readers --label--> what each shows --fit--> a rig --> a pack, built aside and renamed
"""

from perfkit.ingest.build import IngestSettings, build_pack
from perfkit.ingest.readers import Readers
from perfkit.ingest.rigging import describe_fit, fit_pack_rig
from perfkit.ingest.summary import IngestReport, describe_report

__all__ = [
    "IngestReport",
    "IngestSettings",
    "Readers",
    "build_pack",
    "describe_fit",
    "describe_report",
    "fit_pack_rig",
]
