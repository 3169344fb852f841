"""A recording, asked by itself what its boot's cause calls for."""

from bootharness.recording.calls import Counted, Records
from bootharness.recording.last_write import Spans, last_write
from bootharness.recording.manifest import LOG, ROM, Anchor
from bootharness.recording.player import Player, Reel
from bootharness.recording.questions import questions
from bootharness.routes.loader import Loader
from bootharness.trace.backwards import LastWrite
from bootharness.trace.boot_trace import BootTrace

__all__ = ["answers"]


def answers(
    reel: Reel, anchor: Anchor | None, trace: BootTrace, cause: str, loader: Loader | None
) -> tuple[LastWrite, ...]:
    """Return who wrote the bytes that a cause is about; ``trace`` is that of the recorded boot.

    Raises CouldNotFindOut where the recording is not played.
    """
    asked = questions(trace, cause)
    if not asked or anchor is None:
        return ()
    records = Records.of((reel.folder / LOG).read_bytes(), (reel.folder / ROM).read_bytes())
    spans, found = Spans.of(trace, records), []
    with Player(reel) as player:
        counted = Counted(player, records)
        for question in asked:
            at = spans.handoff if question.call is None else spans.every[question.call].called
            if at is not None:
                counted.go_to(at, anchor)
                found.append(
                    last_write(player, counted, spans, loader, question.address, question.what)
                )
    return tuple(found)
