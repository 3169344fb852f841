"""The A20 gate: closed at entry, closed again by a block move, opened by one means only."""

from bootharness.predictor.behaviours.behaviour import Behaviour, Way
from bootharness.predictor.quirks import A20_GATES, Quirks

__all__ = ["A20_CLOSED", "A20_CLOSED_BY_MOVES", "A20_MEANS"]

A20_CLOSED = Behaviour(
    name="a20-closed",
    title="the A20 gate is closed",
    standing="allowed",
    source="nothing promises that it is open; a PC/AT's BIOS closes it",
    ways=lambda _: [
        Way("the A20 gate closed", "assumes that the A20 gate is open", Quirks(a20=False))
    ],
)

A20_CLOSED_BY_MOVES = Behaviour(
    name="a20-moves",
    title="a block move closes the A20 gate",
    standing="allowed",
    source="PC/AT Technical Reference: INT 15h AH=87h opens the gate, and closes it in the end",
    ways=lambda _: [
        Way("a gate that a block move closes", "assumes that a block move leaves A20 open",
            Quirks(move_closes_a20=True))
    ],
)  # fmt: skip


def _without(gate: str) -> Way:
    return Way(
        f"the A20 gate closed, and not opened by {gate}",
        f"opens the A20 gate by {gate} alone, or does not look whether it is open",
        Quirks(a20=False, a20_gates=A20_GATES - {gate}),
    )


A20_MEANS = Behaviour(
    name="a20-means",
    title="one means of opening A20 does nothing",
    standing="seen",
    source="Ralf Brown's list: INT 15h AX=2401h is not everywhere; a PC/AT has no port 92h; "
    "machines without PS/2 have no keyboard controller",
    ways=lambda _: [_without(gate) for gate in sorted(A20_GATES)],
)
