"""What a check has found, as lines for a terminal: one for each behaviour."""

from typing import TextIO

from bootharness.checking.checked import Checked, Row
from bootharness.report.lines import say
from bootharness.text import count, printable

__all__ = ["print_plain", "print_row", "print_sum"]

_WORDS = {
    "holds": ("holds  ", "green"),
    "refuses": ("refuses", "cyan"),
    "fails": ("FAILS  ", "red"),
    "warns": ("WARN   ", "yellow"),
    "unknown": ("unknown", "yellow"),
}
_STANDING = {"allowed": "allowed", "seen": "seen in the wild"}


def print_plain(checked: Checked, output: TextIO) -> None:
    """Print what the loader does on QEMU's machine, where it must boot to be checked."""
    if checked.boots:
        return
    where = f"{checked.place}: " if checked.place else ""
    word = ("unknown", {"fg": "yellow"}) if checked.boots is None else ("FAILS", {"fg": "red"})
    said = f"{checked.cause}: {where}{checked.seen}"
    say(output, word, "", f"does not boot on QEMU's own machine: {printable(said)}")


def print_row(row: Row, output: TextIO) -> None:
    """Print a row: whether the loader holds, and what says that there is such a behaviour."""
    kind = "warns" if row.result == "fails" and not row.wrong else row.result
    word, colour = _WORDS[kind]
    parts = [f"{row.behaviour}: {row.title}"]
    if row.result != "holds":
        parts.append(row.told)
    because = (f"({_STANDING[row.standing]}: {row.because})", {"dim": True})
    if row.booted:
        parts[-1] += f"; {count(row.booted, 'boot')} in QEMU came to the same"
    text = ": ".join(parts)
    say(output, (word, {"fg": colour}), "", printable(text), because)


def print_sum(checked: Checked, output: TextIO) -> None:
    """Print how many hold, fail and so on."""
    kinds = ["warns" if row.result == "fails" and not row.wrong else row.result
             for row in checked.rows]  # fmt: skip
    said = [
        f"{word} {kinds.count(kind)}"
        for kind, word in (
            ("holds", "holds"),
            ("refuses", "refuses"),
            ("fails", "fails"),
            ("warns", "warnings"),
            ("unknown", "not found out"),
        )
        if kind in kinds
    ]
    if said:
        say(output, f"\n{checked.loader}, of {count(len(kinds), 'behaviour')}: {', '.join(said)}")
