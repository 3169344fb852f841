"""Causes that a boot manager, a boot sector or a BIOS tells on the screen."""

import re

from bootharness.diagnosis.cmdline import cmdline_that_arrived
from bootharness.diagnosis.kernel import no_init
from bootharness.diagnosis.started import runs_at_the_end
from bootharness.diagnosis.verdict import Finding
from bootharness.formats.screen_text import screen_text
from bootharness.text import as_shown, without_boxes
from bootharness.trace.boot_managers import complaint_of, last_lines, shows_menu, waits
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.network_facts import NetEventKind
from bootharness.trace.uefi_images import left, said_by, started
from bootharness.trace.uefi_shell import rests_in_shell, script_of

__all__ = [
    "boot_manager_error",
    "boot_menu_waits",
    "initrd_dropped",
    "initrd_unused",
    "survived",
    "written",
]

_RESTS = ("boot-manager", "waits-for-key", "idle", "loop", "halted", "timeout")
_SHOWN_LINES, _MENU_LINES = 6, 4
_SHOWN_CHARACTERS, _HEARD_CHARACTERS = 4000, 100_000
_ENTRY_CHOSEN = re.compile(r"Booting\b|Failed to boot both|Press any key")
"""What GRUB writes of an entry before it tries it, and when that has failed."""


def boot_manager_error(trace: BootTrace) -> Finding | None:
    """The boot manager says why it does not go on."""
    if not _before_a_kernel(trace) or trace.ending.kind not in _RESTS:
        return None
    said = _complaint(trace)
    # what those say is in other places
    if not said or runs_at_the_end(trace) or _a_script_alone_ran(trace):
        return None
    return Finding(
        f'the boot manager gave up{_with_script(trace)}; it says "{said}"', _screen(trace)
    )


def boot_menu_waits(trace: BootTrace) -> Finding | None:
    """A menu or a prompt waits for a person."""
    if not _before_a_kernel(trace) or trace.ending.kind not in _RESTS or _complaint(trace):
        return None
    if rests_in_shell(trace.uefi_calls) or _a_script_alone_ran(trace):
        return None  # which is told by what was asked of the UEFI
    text = _text(trace)
    who = runs_at_the_end(trace) or "the boot manager"
    if running := _script_of_ipxe(trace):
        return Finding(
            f"iPXE runs {running} and waits{trace.ended_after}, as a menu, a prompt or a shell "
            f'does: its screen ends in "{last_lines(text, _MENU_LINES)}"',
            _screen(trace),
        )
    if waits(text):
        return Finding(
            f'{who} waits for a person{trace.ended_after}: its screen ends in "{last_lines(text)}"',
            _screen(trace),
        )
    picture = trace.post_mortem.ocr if trace.post_mortem else ""
    # who looks for a picture is told how close the screen came to that
    if text.strip() or not picture.strip() or trace.closest:
        return None
    return Finding(
        f"{who} shows a picture and does nothing more{trace.ended_after}, as a menu "
        f'does that waits for a person: OCR reads off it "{last_lines(picture, _MENU_LINES)}"',
        tuple(f"OCR: {line}" for line in picture.splitlines()[-_SHOWN_LINES:]),
    )


def initrd_dropped(trace: BootTrace) -> Finding | None:
    """The boot manager could not load the initrd, said so, and entered the kernel without it."""
    said = survived(trace)
    if not said or not no_init(trace):
        return None
    if trace.handoff and trace.handoff.header and trace.handoff.header.ramdisk_size:
        return None
    memory = f" in {trace.machine.memory_bytes >> 20} MiB of memory" if trace.machine else ""
    return Finding(
        f'the kernel was started without its initrd{memory}: the boot manager said "{said}", and '
        "the kernel found no /init to run",
        _screen(trace),
    )


def initrd_unused(trace: BootTrace) -> Finding | None:
    """An initrd came over the network, and the kernel was not told of it."""
    facts = trace.network
    if facts is None or not facts.brought or trace.ending.kind == "reached":
        return None
    came = [each for each in facts.files if each.role == "initrd" and each.outcome == "served"]
    header = trace.handoff.header if trace.handoff else None
    if not came or (header.ramdisk_size if header else not no_init(trace)):
        return None
    named = cmdline_that_arrived(trace)
    if header is None and (named is None or "initrd=" in named):
        return None
    told = "its header says that there is none" if header else f'its command line is "{named}"'
    return Finding(
        f"{came[-1].name}, the initrd, came whole, and the kernel was not told of it: {told}",
        tuple(str(event) for event in facts.events if event.file == came[-1].name),
    )


def survived(trace: BootTrace) -> str | None:
    """Return what a boot manager complained of before it entered a kernel all the same."""
    if not trace.managed or _before_a_kernel(trace):
        return None
    return complaint_of(trace.boot_screen) or _complaint(trace)


def _a_script_alone_ran(trace: BootTrace) -> bool:
    """Whether a UEFI's shell ran a script, which started nothing, and is no boot manager."""
    return bool(script_of(trace.uefi_calls)) and not started(trace.uefi_calls)


def _before_a_kernel(trace: BootTrace) -> bool:
    """Whether somebody else's boot manager was at work to the end."""
    return trace.managed and not (trace.handed_off or trace.kernel_runs)


def _complaint(trace: BootTrace) -> str | None:
    """What was said last: on the screen as it is, or else in all that was written."""
    if said := complaint_of(_text(trace)):
        return said
    text = written(trace)
    if shows_menu(_text(trace)) and not _ENTRY_CHOSEN.search(text):
        return None  # it went on to its menu all the same
    return complaint_of(text)


def written(trace: BootTrace) -> str:
    """Return what was written before a kernel; of a UEFI's programs by the one that is back at its
    menu."""
    calls = trace.bios_calls if not trace.handoff else trace.bios_calls[: trace.handoff.calls]
    if calls or not trace.uefi_calls:
        return screen_text(call for call in calls if not call.from_bios)
    if not waits(_text(trace)):
        return ""
    if trace.network:  # what comes over it is started out of memory, as by shim, and not named
        return as_shown(trace.serial[-_HEARD_CHARACTERS:])
    running = [each for each in started(trace.uefi_calls) if left(trace.uefi_calls, each) is None]
    if not running:
        return ""
    return as_shown(said_by(trace.uefi_calls, running[-1]))


def _script_of_ipxe(trace: BootTrace) -> str | None:
    """Return the script that an iPXE got last of all, after which nothing was asked for."""
    facts = trace.network
    if facts is None or not facts.events or facts.events[-1].kind != NetEventKind.FILE_SERVED:
        return None
    name = facts.events[-1].file
    came = [each for each in facts.files if each.name == name]
    is_script = facts.role(name) == "script" and not (came and came[-1].flaw)
    asks = [each for each in facts.events if each.kind == NetEventKind.REQUEST]
    by_ipxe = bool(asks) and "iPXE" in asks[-1].text
    return name if facts.brought and is_script and by_ipxe and not _of_another(name) else None


def _with_script(trace: BootTrace) -> str:
    """Say which configuration came over the network last, if one did."""
    files = trace.network.files if trace.network else ()
    came = [each.name for each in files if each.role == "script" and each.outcome == "served"]
    return f", with {came[-1]}" if came else ""


def _of_another(name: str) -> bool:
    """Whether a script is a configuration of another boot program, which iPXE may have loaded."""
    return "pxelinux.cfg/" in name or name.endswith((".cfg", ".conf", ".menu"))


def _text(trace: BootTrace) -> str:
    seen = trace.post_mortem
    if _before_a_kernel(trace) and seen and seen.screen.strip():
        return seen.screen
    by_uefi = trace.machine is not None and trace.machine.firmware == "uefi"
    if by_uefi and _before_a_kernel(trace) and not trace.boot_screen.strip():
        return as_shown(trace.serial[-_SHOWN_CHARACTERS:])  # it is shown there too
    return trace.boot_screen


def _screen(trace: BootTrace) -> tuple[str, ...]:
    lines = [line for each in _text(trace).splitlines() if (line := without_boxes(each))]
    return tuple(f"screen: {line}" for line in lines[-_SHOWN_LINES:])
