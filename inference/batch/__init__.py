"""Folders of takes in, finished shots out, nothing lost: a batch that is broken off goes on where it stood.

jobs.py        what is to be made: a folder, or a list in CSV or TOML
ledger.py      what is made already, in OUT/ledger.sqlite
planning.py    what remains, and why
making.py      make one shot, to its end or to its one-line reason
workers.py     worker processes on this machine
on_ray.py      the same on Ray, segment by segment
running.py     make all that is due; one bad take never stops the rest
watching.py    wait for takes to arrive
batch_page.py  the report of a batch
"""

from perfkit.inference.batch.batch_page import write_batch_report
from perfkit.inference.batch.jobs import ShotJob, find_jobs, read_job_list
from perfkit.inference.batch.ledger import Ledger, Shot
from perfkit.inference.batch.planning import PlannedShot, plan_batch
from perfkit.inference.batch.running import BatchOptions, run_batch
from perfkit.inference.batch.watching import iterate_arrivals

__all__ = [
    "BatchOptions",
    "Ledger",
    "PlannedShot",
    "Shot",
    "ShotJob",
    "find_jobs",
    "iterate_arrivals",
    "plan_batch",
    "read_job_list",
    "run_batch",
    "write_batch_report",
]
