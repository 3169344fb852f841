"""What can be made to go wrong on the wire, each declared in one line.

    no-offer                              no DHCP offer is made
    no-offer:seconds=5                    none is made in the first 5 s after the first question
    corrupt:file=vmlinuz,block=100        one byte of a block is another
    loss:rate=0.01,seed=7                 one frame in a hundred is lost, the same ones each time

A fault that concerns a file means the kernel unless it names another. One that could never
act is refused: nobody would notice that it did nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import ClassVar, Self

from msgspec import Struct
from msgspec.structs import fields

from bootharness.errors import UsageError
from bootharness.plan.fault_line import FaultList, read_fault, write_fault

__all__ = ["FAULTS", "KERNEL_FILE", "OF_HTTPS", "Fault", "Faults"]

KERNEL_FILE = "vmlinuz"

FAULTS: dict[str, tuple[str, ...]] = {
    "no-offer": ("seconds",),
    "no-ack": ("seconds",),
    "nak": (),
    "no-filename": (),
    "wrong-next-server": (),
    "rival": (),
    "rival-first": (),
    "proxy-first": (),
    "dns-silent": (),
    "dns-no-name": (),
    "blocked": ("seconds",),
    "link-down": ("file", "block", "seconds"),
    "missing": ("file",),
    "drop": ("file", "block"),
    "duplicate": ("file", "block"),
    "delay": ("file", "block", "seconds"),
    "corrupt": ("file", "block"),
    "stall": ("file", "block"),
    "short": ("file", "bytes"),
    "wrong-tsize": ("file", "bytes"),
    "no-oack": ("file",),
    "duplicate-oack": ("file",),
    "late-oack": ("file", "seconds"),
    "wrong-rollover": ("file",),
    "http-status": ("file", "status"),
    "http-stall": ("file", "bytes"),
    "http-truncated": ("file", "bytes"),
    "http-reset": ("file", "bytes"),
    "http-refused": (),
    "cert-expired": (),
    "cert-not-yet": (),
    "cert-other-name": (),
    "cert-untrusted": (),
    "slow": ("file", "rate"),
    "loss": ("rate", "seed"),
    "nbp-hang": (),
    "script-error": (),
}
"""The faults and what can be said about each."""

_OVER_TFTP = (
    "link-down", "drop", "duplicate", "delay", "corrupt", "stall", "short", "wrong-tsize",
    "no-oack", "duplicate-oack", "late-oack", "wrong-rollover",
)  # fmt: skip
_OVER_HTTP = ("http-status", "http-stall", "http-truncated", "http-reset")
OF_HTTPS = ("cert-expired", "cert-not-yet", "cert-other-name", "cert-untrusted")
"""The faults of a certificate."""
_OF_NAMES = ("dns-silent", "dns-no-name")
_UP_TO_BYTES = ("short", "http-stall", "http-truncated", "http-reset")
_DEFAULT_BLOCK = 512
"""RFC 1350; who asks for other blocks asks for larger ones."""
_USUAL_BLOCK = 1400
_LAST_NUMBER = 65535
_RETRY_S = 0.25
"""After that iPXE asks again for what was lost; PXELINUX sooner."""
_ERRORS = range(400, 600)

Sizes = Mapping[str, int | None]
"""The files that are served by their names, in bytes; None where that is not known yet."""


class Fault(Struct, frozen=True):
    """One fault. ``block`` counts from 1, ``rate`` is bytes per second or frames lost of all.

    ``seconds`` is how late a block is, or for how long the link is down, the port blocked or no
    answer is given, 0 for ever.
    """

    kind: str
    file: str = KERNEL_FILE
    block: int = 100
    bytes: int = 1_000_000
    seconds: float = 0.0
    status: int = 404
    rate: float = 0.0
    seed: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a fault as a person writes it. Raises UsageError, saying what can be written."""
        types = {each.name: each.type for each in fields(cls)}
        kind, values = read_fault("network fault", text, FAULTS, types)
        fault = cls(kind, **{**_DEFAULTS.get(kind, {}), **values})
        if fault.block < 1 and kind != "link-down":
            raise UsageError(f"network fault {text!r}: blocks count from 1")
        if kind == "loss" and not 0 < fault.rate <= 1:
            raise UsageError(f"network fault {text!r}: rate is what part is lost, up to 1")
        if fault.status not in _ERRORS:
            raise UsageError(f"network fault {text!r}: status is an error, of 400 to 599")
        return fault

    @property
    def names_file(self) -> bool:
        """Whether it concerns one file."""
        return "file" in FAULTS[self.kind] and bool(self.file)

    @property
    def is_of_tftp(self) -> bool:
        """Whether it acts on what comes over TFTP alone; a cable is pulled by hand as well."""
        if self.kind == "link-down":
            return self.names_file
        return self.kind in ("wrong-next-server", *_OVER_TFTP)

    def __str__(self) -> str:
        usual = {
            **{each.name: each.default for each in fields(Fault)},
            **_DEFAULTS.get(self.kind, {}),
        }
        return write_fault(
            self.kind,
            (
                (name, value)
                for name in FAULTS[self.kind]
                if (value := getattr(self, name)) or value != usual[name]
            ),
        )

    def check(self, route: str, sizes: Sizes, over_http: Collection[str]) -> None:
        """Raise UsageError for what cannot act on a route that serves files of these sizes."""
        whose = f"network fault {self}: the route {route}"
        over_tftp = sorted(set(sizes) - set(over_http))
        if self.kind in _OF_NAMES:
            raise UsageError(
                f"{whose} asks for no name: a folder of boot files may, which --net-root serves"
            )
        if self.kind in OF_HTTPS:
            raise UsageError(
                f"{whose} has nothing that comes over HTTPS: a folder of boot files may, with "
                "--https-cert"
            )
        if self.kind == "http-refused" and not over_http:
            raise UsageError(f"{whose} has nothing that comes over HTTP")
        if self.kind == "wrong-next-server" and not over_tftp:
            raise UsageError(f"{whose} has nothing that comes over TFTP")
        if not self.names_file:
            return
        if self.file not in sizes:
            raise UsageError(f"{whose} serves no {self.file}, but {', '.join(sorted(sizes))}")
        if self.kind in _OVER_TFTP and self.file in over_http:
            raise UsageError(
                f"{whose} serves {self.file} over HTTP: {', '.join(_OVER_HTTP)} act on that"
            )
        if self.kind in _OVER_HTTP and self.file not in over_http:
            raise UsageError(
                f"{whose} serves {self.file} over TFTP: {', '.join(_OVER_TFTP)} act on that"
            )
        size = sizes[self.file]
        if size is None:
            return
        blocks = size // _DEFAULT_BLOCK + 1
        if "block" in FAULTS[self.kind] and self.block > blocks:
            raise UsageError(f"{whose} serves {self.file} in {blocks:,} blocks at the most")
        if self.kind == "wrong-rollover" and blocks <= _LAST_NUMBER:
            raise UsageError(
                f"{whose} serves {self.file} in {blocks:,} blocks at the most, and their numbers "
                f"begin again behind {_LAST_NUMBER:,}"
            )
        if self.kind in _UP_TO_BYTES and self.bytes >= size:
            raise UsageError(f"{whose} has only {size:,} bytes of {self.file}")


_DEFAULTS: dict[str, dict[str, int | float | str]] = {
    "late-oack": {"seconds": 1.0},
    "delay": {"seconds": 0.5},
    "link-down": {"file": "", "block": 0},
    "slow": {"rate": 5_000_000.0},
    "loss": {"rate": 0.002, "seed": 1},
}


class Faults(FaultList, frozen=True):
    """The faults of one network."""

    what: ClassVar[str] = "network fault"
    example: ClassVar[str] = "stall:block=100"
    all: tuple[Fault, ...] = ()

    def of(self, *kinds: str, file: str | None = None) -> list[Fault]:
        """Return the faults of these kinds, those of one file if it is given."""
        return [
            fault
            for fault in self.all
            if fault.kind in kinds and (file is None or fault.file == file)
        ]

    def last(self, kind: str, elapsed_s: float) -> bool:
        """Return whether one of a kind is at work so long after it began."""
        return any(not each.seconds or elapsed_s < each.seconds for each in self.of(kind))

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """Read faults as a person writes them. Raises UsageError."""
        return cls(tuple(Fault.parse(text) for text in texts))

    def cost_s(self, sizes: Mapping[str, int]) -> float:
        """Return for how long these faults may keep a boot that gets over them, in seconds.

        ``sizes`` are the files that it needs, in bytes.
        """
        cost = sum(fault.seconds for fault in self.all)
        for fault in self.all:
            if fault.kind == "slow":
                cost += sizes.get(fault.file, 0) / max(fault.rate, 1.0)
            elif fault.kind == "loss":
                frames = 2 * sum(sizes.values()) / _USUAL_BLOCK
                cost += frames * fault.rate * _RETRY_S
        return cost

    def check(self, route: str, sizes: Sizes, over_http: Collection[str]) -> None:
        """Raise UsageError for a fault that could never act."""
        for fault in self.all:
            fault.check(route, sizes, over_http)
