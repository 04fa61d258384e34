"""Recordings of the kernel: reading them and comparing every answer with mmsim's."""

from .recording import Recording, RecordingError, read
from .replay import Difference, Report, replay

__all__ = ["Difference", "Recording", "RecordingError", "Report", "read", "replay"]
