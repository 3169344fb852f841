"""What was heard of a kernel, and whether it was one that spoke."""

from msgspec import Struct

__all__ = ["Heard"]


class Heard(Struct, frozen=True):
    """What was heard of a kernel while it booted.

    ``release`` is the version in its banner. ``on`` is where it, or its userspace, wrote while no
    banner came: ``serial line`` or ``screen``. ``disowned`` are a kernel's words that came
    from where no Linux is: in real mode, or without paging; and where that was. Or when none can be
    there yet, as nothing has been read from a disk.
    """

    release: str | None = None
    on: str = ""
    disowned: str = ""
