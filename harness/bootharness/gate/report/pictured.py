"""Of which boots a report has what they looked like."""

from bootharness.gate.outcome import GateOutcome, Standing

__all__ = ["pictured"]

_MOST_BYTES = 16 << 20
"""As they are packed: a page of more is slow to open."""


def pictured(outcome: GateOutcome) -> set[int]:
    """Return the places of these boots: all, or, where that is too much to open at once, first
    those that are not simply good.

    What the page of a whole gate has, each of its shards has, too.
    """
    kept, room = set(), _MOST_BYTES
    numbers = range(len(outcome.entries))
    for number in sorted(numbers, key=lambda at: outcome.entries[at].standing is Standing.GOOD):
        room -= len(outcome.entries[number].result.decisive.picture)
        if room < 0:
            break
        kept.add(number)
    return kept
