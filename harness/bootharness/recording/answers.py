"""A recording, asked by itself what its boot's cause calls for."""

from bootharness.errors import CouldNotFindOut
from bootharness.recording.calls import Records
from bootharness.recording.ended import ENDED
from bootharness.recording.fields import FOLLOWED, fields_of
from bootharness.recording.kept import Asked, KeptRecording
from bootharness.recording.manifest import LOG, ROM, Anchor
from bootharness.recording.player import Player, Reel
from bootharness.recording.questions import questions
from bootharness.routes.loader import Loader
from bootharness.trace.backwards import LastWrite, Origin
from bootharness.trace.boot_trace import BootTrace

__all__ = ["answers"]

_MOST_INSTRUCTIONS = 400_000_000
"""A quiet computer plays so many in some seconds. To play more there and back takes minutes: a
person may ask. A BIOS call of the loader's is not far from its beginning, nor is the first time
that it does what it will do for ever."""

_NO_TIME = "the time limit was over before"
_ASK = "`first-wrong` of `bootharness debug` looks for it again"


def answers(
    reel: Reel, anchor: Anchor | None, trace: BootTrace, cause: str, loader: Loader | None
) -> tuple[tuple[LastWrite, ...], Origin | None]:
    """Return who wrote the bytes that a cause is about, and where the value came from that it is
    about; ``trace`` is that of the recorded boot.

    Where there is no time for it, that is what is told: the recording is none the worse for it.
    """
    short = reel.end <= _MOST_INSTRUCTIONS
    fields = fields_of(trace, cause)
    by_calls = any(field.call is not None for field in fields)
    followed = cause in FOLLOWED and (short or by_calls or cause in ENDED)
    asked = (
        short
        and anchor is not None
        and any(each.address is not None for each in questions(trace, cause))
    )
    if not asked and not (followed and (anchor or cause in ENDED)):
        return (), None
    try:
        records = Records.of((reel.folder / LOG).read_bytes(), (reel.folder / ROM).read_bytes())
        kept = KeptRecording.of(reel, trace, records, anchor)
        with Player(reel) as player:
            played = Asked.by(kept, player)
            written = played.by_cause(loader, cause) if asked else ()
            return written, played.origin(loader, cause, written) if followed else None
    except CouldNotFindOut as error:
        why = _NO_TIME if reel.until and reel.until.expired else str(error)
        return (), Origin("", f"nobody was found: {why}; {_ASK}")
