"""A recording, asked by itself what its boot's cause calls for."""

from bootharness.recording.calls import Records
from bootharness.recording.fields import FOLLOWED, fields_of
from bootharness.recording.kept import Asked, KeptRecording
from bootharness.recording.manifest import LOG, ROM, Anchor
from bootharness.recording.player import Player, Reel
from bootharness.recording.questions import questions
from bootharness.routes.loader import Loader
from bootharness.trace.backwards import LastWrite, Origin
from bootharness.trace.boot_trace import BootTrace

__all__ = ["answers"]

_MOST_S = 5.0
"""To play a longer one there and back takes minutes: a person may ask. A BIOS call of the loader's
is not far from its beginning."""


def answers(
    reel: Reel, anchor: Anchor | None, trace: BootTrace, cause: str, loader: Loader | None
) -> tuple[tuple[LastWrite, ...], Origin | None]:
    """Return who wrote the bytes that a cause is about, and where the value came from that it is
    about; ``trace`` is that of the recorded boot.

    Raises CouldNotFindOut where the recording is not played.
    """
    short = reel.seconds <= _MOST_S
    fields = fields_of(trace, cause)
    by_calls = any(field.call is not None for field in fields)
    followed = cause in FOLLOWED and (short or by_calls)
    if anchor is None or not (followed or (short and questions(trace, cause))):
        return (), None
    records = Records.of((reel.folder / LOG).read_bytes(), (reel.folder / ROM).read_bytes())
    kept = KeptRecording.of(reel, trace, records, anchor)
    with Player(reel) as player:
        played = Asked.by(kept, player)
        origin = played.origin(loader, cause) if followed else None
        return played.by_cause(loader, cause) if short else (), origin
