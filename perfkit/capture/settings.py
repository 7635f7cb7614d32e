"""What may be chosen about a capture."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CaptureSettings:
    """Settings of a capture; all of them change the track.

    Attributes:
        tracker: Name of the tracker, a key of `take.TRACKERS`.
        with_pose: Track the body (33 points) where its tracker file is there; small faces need it.
        with_hands: Track both hands (21 points each) where their tracker file is there.
    """

    tracker: str = "mediapipe"
    with_pose: bool = True
    with_hands: bool = True
