"""A reader that is not sure, and a client that asks a label server as its page does."""

import json
from dataclasses import dataclass
from http.client import HTTPConnection

import numpy as np

from perfkit.rig import HUMAN_RIG, face_points, pose_face, rest_head
from perfkit.serving import PageServer


@dataclass(frozen=True, eq=False)
class Reading:
    """What `Seer` sees."""

    points: np.ndarray
    visibility: np.ndarray
    confidence: np.ndarray


class Seer:
    """A reader that sees the average adult, turned by 30 degrees, wherever it is asked, and is not sure."""

    def predict(self, images_rgb: np.ndarray) -> Reading:
        """Return the same face for every picture."""
        head = rest_head(HUMAN_RIG, (256, 256))
        head[0] = 30
        points, visibility = pose_face(face_points(HUMAN_RIG, np.zeros(52)), head)
        num = len(images_rgb)
        return Reading(np.tile(points, (num, 1, 1)), np.tile(visibility, (num, 1)), np.full(num, 0.7, np.float32))


class Client:
    """Asks a label server as its page does."""

    def __init__(self, server: PageServer) -> None:
        self.server = server
        self.headers = {"Origin": server.root}
        token = self.ask("GET", f"/?token={server.keys.token}")
        self.headers["Cookie"] = token[1]["set-cookie"].split(";")[0]

    def ask(self, method: str, path: str, table: object = None) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers, body."""
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        body = table if isinstance(table, bytes) else None if table is None else json.dumps(table).encode()
        connection.request(method, path, body=body, headers=self.headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content

    def ask_json(self, method: str, path: str, table: object = None) -> tuple[int, dict]:
        """Return status and the parsed answer."""
        status, _, content = self.ask(method, path, table)
        return status, json.loads(content)
