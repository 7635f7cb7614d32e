"""Retargeting while the performer acts: frame by frame, knowing nothing of what comes.

    Observation --Follower--> Pose            (capture and `retarget` do the same for a take that is there as a whole)

The measures are those of `retarget`; what differs lies here: causal filters, a calibration that grows, gaps whose end
is not known, a body that is looked at less often than the face.
"""

from perfkit.following.follower import Follower, Pose
from perfkit.following.presence import State
from perfkit.following.running_calibration import RunningCalibration

__all__ = ["Follower", "Pose", "RunningCalibration", "State"]
