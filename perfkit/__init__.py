"""perfkit: an actor's footage becomes a stylized character's performance.

take -> capture -> PerformanceTrack -> retarget -> CharacterTrack -> control -> stylize -> composite -> video
"""

__version__ = "0.1.0"
