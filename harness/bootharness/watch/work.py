"""Is a guest that shows no progress at work? Told by what its CPU did between the looks at it.

A guest that unpacks, copies or checks much says nothing for as long as that takes it, and how
long that is depends on the host: what it does tells it from a hung one, and seconds do not.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from bootharness.trace.machine_facts import CpuSample

__all__ = ["runs_new_code", "sweeps_memory"]

# ten values that have nothing to do with each other are in order once in a million times
_LOOKS = 10
_LEAST_BYTES = 1 << 10
# from one look to the next; a clock that counts a CPU's cycles goes farther
_MOST_BYTES = 1 << 26
_LATELY = 20
_LINE = 8


def sweeps_memory(
    samples: Sequence[CpuSample], are_memory: Callable[[Sequence[int]], bool]
) -> bool:
    """Return whether a register went through memory in one direction for a while.

    ``are_memory`` tells whether all of some addresses are: a counter goes one way too. A BIOS has
    no such work: what it does for a loader is a block at a time.
    """
    if sum(sample.in_bios for sample in samples) * 2 >= len(samples):
        return False
    columns = zip(*(sample.registers for sample in samples), strict=False)
    return any(are_memory(swept) for column in columns for swept in _one_way(column))


def _one_way(values: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield stretches of values that only rise or only fall, each of as many looks as it takes."""
    for end in range(len(values), _LOOKS - 1, -_LOOKS):
        stretch = values[end - _LOOKS : end]
        steps = [after - before for before, after in pairwise(stretch)]
        same_way = all(step > 0 for step in steps) or all(step < 0 for step in steps)
        far = abs(stretch[-1] - stretch[0]) >= _LEAST_BYTES
        if same_way and far and max(map(abs, steps)) <= _MOST_BYTES:
            yield stretch


def runs_new_code(samples: Sequence[CpuSample]) -> bool:
    """Return whether the CPU is mostly where it has not been before.

    Of a loop, however long, all has been seen at some time.
    """
    before = {sample.linear >> _LINE for sample in samples[:-_LATELY]}
    new = {sample.linear >> _LINE for sample in samples if not sample.halted} - before
    return bool(before) and len(new) * 2 >= _LATELY
