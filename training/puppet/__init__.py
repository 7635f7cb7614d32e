"""The puppet: draws any cartoon character at any angle, expression and light, and knows where every landmark is.

sample_character(seed) -> Puppet     sample_performance(rng) -> Performance     sample_light(rng) -> Light
draw(puppet, performance, light) -> Drawing          caption(puppet, light) -> str
"""

from perfkit.training.puppet.caption import caption
from perfkit.training.puppet.cast import FAMILIES, sample_character
from perfkit.training.puppet.drawing import Drawing, draw, draw_pose
from perfkit.training.puppet.look import EXTRAS, OPTIONS, Light, Look, Puppet
from perfkit.training.puppet.performance import (
    NEUTRAL,
    Performance,
    Pose,
    pose_performance,
    sample_light,
    sample_performance,
)

__all__ = [
    "EXTRAS",
    "FAMILIES",
    "NEUTRAL",
    "OPTIONS",
    "Drawing",
    "Light",
    "Look",
    "Performance",
    "Pose",
    "Puppet",
    "caption",
    "draw",
    "draw_pose",
    "pose_performance",
    "sample_character",
    "sample_light",
    "sample_performance",
]
