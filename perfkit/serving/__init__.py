"""Local pages: a server on loopback that answers one person and nobody else.

    address with a one-time token --> cookie --> everything else        another origin, host or path --> refused

In: a FastAPI application made by `make_app`, static files named one by one. Out: a server that runs until it is told to
stop. The pages of live performance and of labelling are both served from here.
"""

from perfkit.serving.doorkeeper import Doorkeeper, Keys
from perfkit.serving.page_server import PageServer, add_files, make_app

__all__ = ["Doorkeeper", "Keys", "PageServer", "add_files", "make_app"]
