"""What was asked of a UEFI, call by call."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from bootharness.formats.device_path import device_path_text, path_and_rest
from bootharness.formats.uefi_record import Record

__all__ = [
    "SERVICES", "STATUS", "CallLog", "UefiCall", "rests_in_setup", "spans_read",
]  # fmt: skip

_ERROR = 1 << 63
STATUS = {
    1: "Load Error", 2: "Invalid Parameter", 3: "Unsupported", 4: "Bad Buffer Size",
    5: "Buffer Too Small", 6: "Not Ready", 7: "Device Error", 8: "Write Protected",
    9: "Out of Resources", 10: "Volume Corrupt", 11: "Volume Full", 12: "No Media",
    13: "Media Changed", 14: "Not Found", 15: "Access Denied", 16: "No Response", 17: "No Mapping",
    18: "Time Out", 19: "Not Started", 20: "Already Started", 21: "Aborted", 22: "ICMP Error",
    23: "TFTP Error", 24: "Protocol Error", 25: "Incompatible Version", 26: "Security Violation",
    27: "CRC Error", 28: "End of Media", 31: "End of File", 32: "Invalid Language",
    33: "Compromised Data", 35: "HTTP Error",
}  # fmt: skip
"""Names of errors (UEFI specification 2.10, appendix D)."""
SERVICES = {
    "I": "recorder", "L": "LoadImage", "S": "StartImage", "T": "image returned", "X": "Exit",
    "E": "ExitBootServices", "A": "AllocatePages", "V": "SetVariable", "Z": "ResetSystem",
    "P": "protocol", "R": "ReadBlocks", "O": "Open", "F": "Read", "D": "LoadFile",
    "W": "OutputString",
}  # fmt: skip
"""What is recorded, by the kind of its record."""
_PROTOCOLS = ("BlockIo", "SimpleFileSystem", "LoadFile", "LoadFile2")
_KEPT_CALLS = 20_000
"""At each end; a boot asks a few hundred times."""
_SPARE_CALLS = 1000
_PAGE, _GUID_BYTES = 4096, 16
_ALL_MEMORY = (1 << 64) - 1
"""A program may ask for any number of pages."""
_SETUP = "FVFILE(462CAA21-7614-4503-836E-8AB6F4662331)"


class UefiCall(Struct, frozen=True, omit_defaults=True):
    """One call of a UEFI service, or of a protocol by which something is loaded."""

    service: str
    """Its name in the specification: ``LoadImage``, ``StartImage``, ``Exit``,
    ``ExitBootServices``, ``AllocatePages`` (only one that failed), ``SetVariable``,
    ``ResetSystem``, ``ReadBlocks`` (of whole disks), ``Open`` and ``Read`` (of files),
    ``LoadFile``, ``OutputString``. Beside those: ``recorder`` (it was started), ``protocol`` (one
    has appeared), ``image returned``."""
    seconds: float
    """Since launch; of one that was asked, when it returned."""
    caller: int = 0
    """Where it returns to."""
    status: int = 0
    """What it returned: 0, or an error with bit 63 set."""
    path: str = ""
    """The device path, or the name of the file, variable or protocol."""
    text: str = ""
    """The load options of an image, what was written on the console, who made the firmware."""
    subject: int = 0
    """The handle, file or protocol that it is about."""
    address: int = 0
    """Where it was read to, or where the image lies; linear."""
    bytes: int = 0
    """How much was read, or how large the image is."""
    wanted: int = 0
    """How much was to be read."""
    lba: int | None = None
    """The first block that was read; of a disk that has appeared, its last."""
    source: int = 0
    """Where an image was loaded from, if from memory; linear."""

    @property
    def failed(self) -> bool:
        """Whether it returned an error."""
        return bool(self.status & _ERROR)

    @property
    def lies(self) -> range:
        """Where it lies in memory, linear: an image, or what was read."""
        return range(self.address, self.address + self.bytes)

    @property
    def error(self) -> str:
        """The name of the error, empty without one."""
        code = self.status & ~_ERROR
        return STATUS.get(code, f"error {code}") if self.failed else ""


class CallLog(Struct):
    """Turns records into calls, in their order; ``left_out`` is how many were not kept, from the
    middle of too many."""

    left_out: int = 0
    _records: list[Record] = field(default_factory=list)

    def feed(self, records: Iterable[Record]) -> None:
        """Take records in their order. That a machine may be saved is no call."""
        self._records += (each for each in records if each.kind in SERVICES)
        surplus = len(self._records) - 2 * _KEPT_CALLS
        if surplus > _SPARE_CALLS:
            del self._records[_KEPT_CALLS : _KEPT_CALLS + surplus]
            self.left_out += surplus

    def calls(self, seconds: Callable[[int], float]) -> tuple[UefiCall, ...]:
        """Return the calls that are kept; ``seconds`` turns ticks into seconds since launch."""
        names: dict[int, str] = {}
        return tuple(_call(each, seconds(each.ticks), names) for each in self._records)


def rests_in_setup(calls: Sequence[UefiCall]) -> bool:
    """Return whether a UEFI shows its own menu, which waits for a person, as it does where what it
    had started came back without an error (edk2, MdeModulePkg, UiApp)."""
    last = next((call for call in reversed(calls)
                 if call.service in ("StartImage", "image returned")), None)  # fmt: skip
    return last is not None and last.service == "StartImage" and _SETUP in last.path.upper()


def spans_read(calls: Iterable[UefiCall], sectors: int) -> tuple[range, ...]:
    """Return the sectors that were read together of a disk that has so many, in their order."""
    blocks: dict[int, tuple[int, int]] = {}
    spans: dict[range, None] = {}
    for call in calls:
        if call.service == "protocol" and call.lba is not None:
            blocks[call.subject] = call.bytes, call.lba + 1
        size, last = blocks.get(call.subject, (0, 0))
        if call.service == "ReadBlocks" and size and last >= sectors and call.lba is not None:
            spans[range(call.lba, min(call.lba + call.wanted // size, sectors))] = None
    return tuple(span for span in spans if span)


def _call(record: Record, seconds: float, names: dict[int, str]) -> UefiCall:
    """Return the call of a record; ``names`` has those of files that are open."""
    call = UefiCall(SERVICES[record.kind], seconds, record.caller, record.status)
    return replace(call, **_READERS[record.kind](record.values, record.extra, names))


_Values = tuple[int, ...]
_Names = dict[int, str]
_Fields = dict[str, Any]


def _installed(values: _Values, extra: bytes, _names: _Names) -> _Fields:
    return {"text": _string(extra), "address": values[1]}


def _loaded(values: _Values, extra: bytes, _names: _Names) -> _Fields:
    subject, address, size, source, wanted = values
    path = device_path_text(extra)
    return {"path": path, "subject": subject, "address": address, "bytes": size,
            "source": source, "wanted": wanted}  # fmt: skip


def _started(values: _Values, extra: bytes, _names: _Names) -> _Fields:
    subject, address, size, source, _ = values
    path, options = path_and_rest(extra)
    return {"path": path, "text": _string(options), "subject": subject, "address": address,
            "bytes": size, "source": source}  # fmt: skip


def _of_an_image(values: _Values, _extra: bytes, _names: _Names) -> _Fields:
    return {"subject": values[0]}


def _allocated(values: _Values, _extra: bytes, _names: _Names) -> _Fields:
    return {"wanted": min(values[2] * _PAGE, _ALL_MEMORY), "address": values[3]}


def _variable(values: _Values, extra: bytes, _names: _Names) -> _Fields:
    return {"path": _string(extra[_GUID_BYTES:]), "bytes": values[1]}


def _reset(values: _Values, _extra: bytes, _names: _Names) -> _Fields:
    return {"wanted": values[0]}


def _appeared(values: _Values, extra: bytes, _names: _Names) -> _Fields:
    subject, number, size, last, _ = values
    name = _PROTOCOLS[number] if number < len(_PROTOCOLS) else ""
    of_disk = {"bytes": size, "lba": last} if name == _PROTOCOLS[0] else {}
    return {"path": device_path_text(extra), "text": name, "subject": subject, **of_disk}


def _blocks(values: _Values, _extra: bytes, _names: _Names) -> _Fields:
    subject, lba, wanted, address, _ = values
    return {"subject": subject, "lba": lba, "wanted": wanted, "address": address}


def _opened(values: _Values, extra: bytes, names: _Names) -> _Fields:
    within, subject, *_ = values
    names[subject] = path = _joined(names.get(within, ""), _string(extra))
    return {"path": path, "subject": subject}


def _read(values: _Values, _extra: bytes, names: _Names) -> _Fields:
    subject, wanted, size, address, _ = values
    return {"path": names.get(subject, ""), "subject": subject, "wanted": wanted, "bytes": size,
            "address": address}  # fmt: skip


def _file(values: _Values, extra: bytes, _names: _Names) -> _Fields:
    subject, size, address, *_ = values
    return {"path": device_path_text(extra), "subject": subject, "bytes": size, "address": address}


def _written(_values: _Values, extra: bytes, _names: _Names) -> _Fields:
    return {"text": _string(extra)}


_READERS: dict[str, Callable[[_Values, bytes, _Names], _Fields]] = {
    "I": _installed, "L": _loaded, "S": _started, "T": _of_an_image, "X": _of_an_image,
    "E": _of_an_image, "A": _allocated, "V": _variable, "Z": _reset, "P": _appeared,
    "R": _blocks, "O": _opened, "F": _read, "D": _file, "W": _written,
}  # fmt: skip


def _string(data: bytes) -> str:
    return data.decode("utf-16-le", "replace").partition("\0")[0]


def _joined(folder: str, name: str) -> str:
    """Return a file's whole name: one that begins with a backslash is so already."""
    if not name or name.startswith("\\"):
        return name or folder
    return f"{folder.rstrip(chr(92))}\\{name}"
