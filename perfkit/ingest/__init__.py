"""From a folder of drawings to a character pack: `build_pack` is the table of contents.

folder --find--> files --read--> pictures --key--> characters --frame--> canvas
labels.csv, names, landmark net --label--> what each shows       --> a pack, built aside and renamed
"""

from perfkit.ingest.build import IngestSettings, build_pack
from perfkit.ingest.summary import IngestReport, describe_report

__all__ = ["IngestReport", "IngestSettings", "build_pack", "describe_report"]
