"""The recording of a boot that is to be debugged, where one was kept beside its trace."""

from pathlib import Path

from bootharness.debug.trust import loader_of, machine_of
from bootharness.errors import BootHarnessError, UsageError
from bootharness.plan import AUTO
from bootharness.recording.kept import KeptRecording
from bootharness.recording.manifest import RECORDING, OtherBuild
from bootharness.routes.loader import Loader
from bootharness.trace.boot_trace import BootTrace

__all__ = ["recording_beside", "same_loader"]


def recording_beside(trace_file: Path, trace: BootTrace, qemu: str = AUTO) -> KeptRecording | None:
    """Return the recording that was kept with a trace, None where there is none.

    Raises UsageError for one that is damaged or not whole, as of a boot that was killed while it
    was kept, or of another build of QEMU.
    """
    folder = trace_file.parent
    if not (folder / RECORDING).exists():
        return None
    try:
        return KeptRecording.opened(folder, trace, machine_of(trace, qemu, [], recorded=True))
    except OtherBuild as error:
        raise UsageError(str(error)) from error


def same_loader(trace: BootTrace) -> Loader | None:
    """Return the loader of a boot with its source, None where that is not here."""
    try:
        loader = loader_of(trace.loader.name) if trace.loader else None
    except BootHarnessError:
        return None
    return (
        loader if loader and trace.loader and loader.facts.sha256 == trace.loader.sha256 else None
    )
