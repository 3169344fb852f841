"""Who refused what under Secure Boot, and which signature it looked at."""

import re

from bootharness.diagnosis.verdict import Finding
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.signed_file import SignedFile
from bootharness.trace.uefi_calls import UefiCall

__all__ = ["signature_refused"]

_DENIED = ("Access Denied", "Security Violation")
_BY_SHIM = re.compile(
    r"Verification failed: (?:\(0x[0-9A-Fa-f]+\) )?[A-Za-z]+(?: [A-Za-z]+){0,5}"
    r"|Security (?:Policy )?Violation"
    r"|SBAT self-check failed[^\r\n]{0,80}"
)
_BY_GRUB = re.compile(r"bad shim signature|has invalid signature|shim_lock verifier[^\r\n]{0,80}")
_OF_SBAT = re.compile(r"SBAT[^\r\n]{0,80}")
_OF_FIRMWARE = re.compile(r"^.*\bBdsDxe: .*$", re.MULTILINE)
"""It goes on to its shell, which Secure Boot does not let it start, in shim's words."""
_OF_ITSELF = "SBAT self-check failed"
_SEPARATOR = "\\"


def signature_refused(trace: BootTrace) -> Finding | None:
    """Secure Boot is on, and the firmware, or shim, did not start what was to be started."""
    machine = trace.machine
    if machine is None or not machine.secure_boot or trace.network or trace.handed_off:
        return None
    if trace.ending.kind == "reached" or trace.kernel_runs:
        return None
    said = _said(trace)
    if found := _BY_GRUB.search(said):
        file = next((each for each in reversed(trace.signed_files) if each.is_kernel), None)
        what = "the kernel" if file is None else f"the kernel ({file.path})"
        return _finding("shim", what, file, f'GRUB says "{found[0].strip()}"', shim=True)
    if refused := _by_firmware(trace):
        path = refused.path[refused.path.index(_SEPARATOR) :]
        return _finding("the firmware", path, _file(trace, path), refused.error)
    by_shim = _BY_SHIM.search(_OF_FIRMWARE.sub("", said))
    last = next(reversed([each for each in trace.signed_files if not each.is_kernel]), None)
    if by_shim and last:
        if of_sbat := _OF_SBAT.search(said):
            what = "itself" if _OF_ITSELF in said else last.path
            has = f" ({' '.join(last.sbat)})" if last.sbat else ""
            return Finding(
                f"shim refuses {what}: its SBAT generation{has} is lower than the machine's SBAT "
                f'level asks for ("{of_sbat[0].strip()}")',
                _evidence((last,)),
            )
        return _finding("shim", last.path, last, f'it says "{by_shim[0].strip()}"', shim=True)
    return None


def _finding(
    who: str, what: str, file: SignedFile | None, said: str, *, shim: bool = False
) -> Finding:
    why = f": {_why(file, shim=shim)}" if file else ""
    return Finding(f"{who} refuses {what} ({said}){why}", _evidence((file,) if file else ()))


def _why(file: SignedFile, *, shim: bool) -> str:
    """Say of a file what is wrong with how it is signed."""
    if file.revoked == "digest":
        return "its digest is among those that are revoked (dbx)"
    if file.revoked:
        return f"{file.revoked} is revoked (dbx)"
    if not file.signatures:
        return "it has no signature"
    shown = " and ".join(f"{each.signer} (issued by {each.issuer})" for each in file.signatures)
    if not any(each.intact for each in file.signatures):
        return f"it is signed by {shown}, but it has been changed since"
    keys = "neither shim nor db knows" if shim else "db does not know"
    return f"it is signed by {shown}, whom {keys}"


def _evidence(files: tuple[SignedFile, ...]) -> tuple[str, ...]:
    lines = [
        f"{each.path}: SHA-256 {each.sha256}, "
        + (", ".join(f"signed by {one.signer}, {'intact' if one.intact else 'not intact'}"
                     for one in each.signatures) or "not signed")
        for each in files
    ]  # fmt: skip
    trusted = next((each.trusted for each in files if each.trusted), ())
    return (*lines, *(f"db: {name}" for name in trusted))


def _by_firmware(trace: BootTrace) -> UefiCall | None:
    """Return the last program from a disk that the firmware refused."""
    calls = [
        call
        for call in trace.uefi_calls
        if call.service in ("LoadImage", "StartImage")
        and call.error in _DENIED
        and _SEPARATOR in call.path
    ]
    return calls[-1] if calls else None


def _file(trace: BootTrace, path: str) -> SignedFile | None:
    return next((each for each in trace.signed_files if each.path.lower() == path.lower()), None)


def _said(trace: BootTrace) -> str:
    screen = trace.post_mortem.screen if trace.post_mortem else ""
    return "\n".join((trace.serial, trace.boot_screen, screen))
