"""Whether a QEMU can record a boot and play it: it may be built without."""

import subprocess

from bootharness.host.workspace import Workspace
from bootharness.machine.tape import SHIFT, TAPE

__all__ = ["why_not_taped"]

_MACHINE = ("-nodefaults", "-no-user-config", "-machine", "pc,accel=tcg", "-display", "none", "-S")
_ASKED, _RECORDS = b"info replay\nquit\n", b"Recording execution"
_ANSWER_S = 10.0


def why_not_taped(qemu: str) -> str | None:
    """Say why a QEMU that is here records no boots, None where it does: it is started and asked."""
    icount = f"shift={SHIFT},rr=record,rrfile={TAPE}"
    argv = [qemu, *_MACHINE, "-monitor", "stdio", "-icount", icount]
    with Workspace() as workspace:
        try:
            with workspace.start_untrusted(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                cwd=workspace.path,
            ) as process:  # fmt: skip
                try:
                    told, errors = process.communicate(_ASKED, timeout=_ANSWER_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    return f"{qemu} does not answer when it is to record"
        except OSError as error:
            return f"{qemu} cannot be run: {error.strerror}"
    if _RECORDS in told:
        return None
    said = errors.decode(errors="replace").strip().partition("\n")[0]
    return f"{qemu} records no boots" + (f": {said}" if said else "")
