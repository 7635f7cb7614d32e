"""The one exception tree. Every message says what, where, got/expected, and what to do next, in one line.

PerfkitError
├── MediaError (also OSError)   a take, picture or output file that cannot be read or written
├── CaptureError                the performer cannot be tracked (no face in the take, tracker file absent)
├── TrackError                  a .perf file or a track in memory that breaks its own contract
├── CalibrationError            a neutral face that cannot be found or does not fit
├── PackError                   a character pack that breaks its manifest
│   └── StalePackError          a change of a pack that somebody else has changed meanwhile
├── WeightsError                network weights absent, damaged or of another architecture
├── SettingsError               a setting outside its range, an unknown key
├── ExportError                 a format that this machine lacks a package for, a receiver that cannot be reached
├── WorkerError                 a process of perfkit's own that was killed, for want of memory as a rule
└── RightsError                 a use that nobody allowed: no licence, no owner, not permitted, expired
"""


class PerfkitError(Exception):
    """Root of all errors that a user can mend; the CLI prints it as one line and exits 1."""


class MediaError(PerfkitError, OSError):
    """A take, picture or output file that cannot be read or written."""


class CaptureError(PerfkitError):
    """The performer cannot be tracked."""


class TrackError(PerfkitError):
    """A .perf file, or a track in memory, that breaks its own contract."""


class CalibrationError(PerfkitError):
    """A neutral face that cannot be found, or does not fit the take."""


class PackError(PerfkitError):
    """A character pack that breaks its manifest."""


class StalePackError(PackError):
    """A change that was made to a pack as it no longer is: somebody else has changed it meanwhile."""


class WeightsError(PerfkitError):
    """Network weights that are absent, damaged or of another architecture."""


class SettingsError(PerfkitError):
    """A setting outside its range, or an unknown key."""


class ServingError(PerfkitError):
    """A local page that cannot be served."""


class WorkerError(PerfkitError):
    """A process of perfkit's own that ended before its time."""


class ExportError(PerfkitError):
    """A format that this machine lacks a package for, or a receiver that cannot be reached."""


class RightsError(PerfkitError):
    """A use of a character that its rights do not permit, or that nobody stated rights for."""
