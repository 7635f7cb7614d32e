"""Folders of takes in, finished shots out, nothing lost: a batch that is broken off goes on where it stood.

jobs.py        what is to be made: a folder, or a list in CSV or TOML
ledger.py      what is made already, in OUT/ledger.sqlite
planning.py    what remains, and why
running.py     make it, in worker processes; one bad take never stops the rest
batch_page.py  the report of a batch
"""

from perfkit.inference.batch.batch_page import write_batch_report
from perfkit.inference.batch.jobs import ShotJob, find_jobs, read_job_list
from perfkit.inference.batch.ledger import Ledger, Shot
from perfkit.inference.batch.planning import PlannedShot, plan_batch
from perfkit.inference.batch.running import BatchOptions, run_batch

__all__ = [
    "BatchOptions",
    "Ledger",
    "PlannedShot",
    "Shot",
    "ShotJob",
    "find_jobs",
    "plan_batch",
    "read_job_list",
    "run_batch",
    "write_batch_report",
]
