"""How well a result acts as its take does, holds together in time, and stays itself: figures, curves, one page.

    ScoreRequest --open_scene--> Scene --watch--> Watched --compare_acting--> Acting --> Figures --> JSON, page

The reader of drawn faces is handed in: what reads landmarks is another room's affair.
"""

from perfkit.score.figure import Figure
from perfkit.score.reader import LandmarkReader
from perfkit.score.scene import ScoreRequest
from perfkit.score.scoring import Score, save_score, score_video

__all__ = ["Figure", "LandmarkReader", "Score", "ScoreRequest", "save_score", "score_video"]
