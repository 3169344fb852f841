"""The variables of a UEFI as EDK2 has them in its flash: a firmware volume with a store in it."""

import struct
import uuid

from bootharness.errors import FormatError

__all__ = ["variable", "vlan_variable", "with_variable"]

_VOLUME_HEADER_AT = 0x30
_STORE = struct.Struct("<16sIBB6x")
_AUTHENTICATED = uuid.UUID("aaf32c78-947b-439a-a180-2e144ec37792").bytes_le
_FORMATTED, _HEALTHY = 0x5A, 0xFE
_VARIABLE = struct.Struct("<HBBIQ16sIII16s")
_BEGIN, _ADDED = 0x55AA, 0x3F
_KEPT_FOR_BOOT_SERVICES = 3
_VLANS = uuid.UUID("9e23d768-d2f3-4366-9fc3-3a7aba864374")


def with_variable(flash: bytes, name: str, vendor: uuid.UUID, value: bytes) -> bytes:
    """Return a flash with one more variable that outlives a boot, for the firmware alone.

    Raises FormatError for what is no flash of variables, and for one that is full.
    """
    at, end, _ = _free(flash)
    named = f"{name}\0".encode("utf-16le")
    header = _VARIABLE.pack(
        _BEGIN, _ADDED, 0, _KEPT_FOR_BOOT_SERVICES, 0, bytes(16), 0, len(named), len(value),
        vendor.bytes_le,
    )  # fmt: skip
    variable = header + named + value
    if at + len(variable) > end:
        raise FormatError(f"no room for the variable {name}")
    return flash[:at] + variable + flash[at + len(variable) :]


def variable(flash: bytes, name: str) -> bytes | None:
    """Return the value of a variable, None where there is none. Raises FormatError for what is no
    flash of variables."""
    return _free(flash)[2].get(name)


def vlan_variable(mac: str, vlan: int) -> tuple[str, uuid.UUID, bytes]:
    """Return the name, the vendor and the value by which EDK2 gives a card a VLAN."""
    return mac.replace(":", "").upper(), _VLANS, vlan.to_bytes(2, "little")


def _free(flash: bytes) -> tuple[int, int, dict[str, bytes]]:
    """Return where the next variable goes, where the store ends, and the values of those that are
    there, by their names."""
    try:
        (begin,) = struct.unpack_from("<H", flash, _VOLUME_HEADER_AT)
        kind, size, formatted, state = _STORE.unpack_from(flash, begin)
        if (kind, formatted, state) != (_AUTHENTICATED, _FORMATTED, _HEALTHY):
            raise FormatError("not a flash with a UEFI's variables")
        at, end = begin + _STORE.size, min(begin + size, len(flash))
        values = {}
        while at + _VARIABLE.size <= end:
            start, state, *_, named, valued, _ = _VARIABLE.unpack_from(flash, at)
            if start != _BEGIN:
                break
            value_at = at + _VARIABLE.size + named
            if state == _ADDED:
                name = flash[value_at - named : value_at].decode("utf-16le", "replace")
                values[name.rstrip("\0")] = flash[value_at : value_at + valued]
            at = (at + _VARIABLE.size + named + valued + 3) & ~3
    except struct.error as error:
        raise FormatError("not a flash with a UEFI's variables: it is too short") from error
    return at, end, values
