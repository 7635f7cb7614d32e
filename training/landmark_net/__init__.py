"""A small network that finds the control points on drawn faces, so that rendered frames can be measured.

Trackers made for people fail on drawings; this one has seen nothing but the puppet's.
"""

from perfkit.training.landmark_net.net import CartoonLandmarks, LandmarkNet

__all__ = ["CartoonLandmarks", "LandmarkNet"]
