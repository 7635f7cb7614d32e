"""Quality control of a take before any render: what will go wrong, when, and what to reshoot.

PerformanceTrack --watch_track--> TrackStates --+
Take --watch_pictures, measure_sound----------- + --judge--> Inspection --> JSON, timeline (PNG), page (HTML)
"""

from perfkit.inspection.inspecting import Inspection, inspect_performance, save_inspection
from perfkit.inspection.verdict import Finding, Severity

__all__ = ["Finding", "Inspection", "Severity", "inspect_performance", "save_inspection"]
