"""Found by each Python of a bench's workers: a process boots once, and says the same of all others.

All but the machine is real: the judgement, the trace, the picture, and how they travel.
"""

import sys

if "bootharness.runs.worker" in " ".join(sys.orig_argv):
    from bootharness.one_boot import boot
    from bootharness.plan import BootPlan
    from bootharness.runs import work
    from bootharness.trace.boot_trace import BootTrace

    _known = list[BootTrace]()

    def _same(kernel: str, plan: BootPlan) -> BootTrace:
        if not _known:
            _known.append(boot(kernel, plan))
        return _known[0]

    vars(work)["boot"] = _same
