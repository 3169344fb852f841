"""A recording, asked by itself what its boot's cause calls for."""

from bootharness.recording.calls import Records
from bootharness.recording.kept import Asked, KeptRecording
from bootharness.recording.manifest import LOG, ROM, Anchor
from bootharness.recording.player import Player, Reel
from bootharness.recording.questions import questions
from bootharness.routes.loader import Loader
from bootharness.trace.backwards import LastWrite
from bootharness.trace.boot_trace import BootTrace

__all__ = ["answers"]

_MOST_S = 5.0
"""To play a longer one there and back takes minutes: a person may ask."""


def answers(
    reel: Reel, anchor: Anchor | None, trace: BootTrace, cause: str, loader: Loader | None
) -> tuple[LastWrite, ...]:
    """Return who wrote the bytes that a cause is about; ``trace`` is that of the recorded boot.

    Raises CouldNotFindOut where the recording is not played.
    """
    if anchor is None or reel.seconds > _MOST_S or not questions(trace, cause):
        return ()
    records = Records.of((reel.folder / LOG).read_bytes(), (reel.folder / ROM).read_bytes())
    kept = KeptRecording.of(reel, trace, records, anchor)
    with Player(reel) as player:
        return Asked.by(kept, player).by_cause(loader, cause)
