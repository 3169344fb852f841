"""What boot managers, boot sectors and BIOSes say when they do not get on, and how they wait."""

import re

from bootharness.text import without_boxes

__all__ = ["complaint_of", "last_lines", "shows_menu", "waits", "waits_for_ever"]

# Known words first: GRUB's; SYSLINUX's and its like's; LILO's; those of boot sectors and BIOSes.
_COMPLAINTS = re.compile(
    r"""^[^\S\n]*(?:
    (?:error|alert|fatal|WARNING|ERROR|PANIC|isolinux):\ [^\n]{1,200}
  | LILO\ -\ [^\n]{1,80}
  | L(?:\ [0-9A-F]{2}){2,}[^\n]{0,80}
  | [^\n]{0,120}?(?i:
        no\ bootable\ (?:device|medium|image|partition|disk)
      | (?:missing|no)\ operating\ system|error\ loading\ operating\ system
      | no\ active\ partition|non-system\ disk|not\ a\ bootable\ disk|no\ system\ disk
      | ntldr\ is\ missing|bootmgr\ is\ (?:missing|compressed)
      | disk\ (?:read\ )?error|boot\ error|remove\ disks\ or\ other\ media
      | insert\ (?:a\ )?(?:boot|system)|no\ such\ (?:file|partition|device|disk)
      | checksum\ error|bad\ magic|out\ of\ memory|not\ enough\ memory
      | no\ default\ or\ ui\ configuration\ directive|no\ configuration\ file|unknown\ keyword
      | \bfailed\b|\bnot\ found\b|\b(?:cannot|can't|could\ not|unable\ to)\b
      | \b(?:invalid|corrupt)\b|\btoo\ large\ for\b
    )[^\n]{0,160}
    )""",
    re.MULTILINE | re.VERBOSE,
)
# how a screen ends on which nothing goes on before a person types
_FOR_EVER = re.compile(
    r"^(?:(?:sh:)?grub(?: rescue)?|iPXE)>\s*$"
    r"|(?i:boot failed|not a bootable disk|system disk|other media)[^\n]*\n?[^\n]*"
    r"(?i:press (?:a|any) key)[^\n]*$"
    r"|(?i:press ctrl\+alt\+del to restart)[^\n]*$"
    r"|\b(?i:halting|system halted)\W*$"
    r"|^--MORE--\s*$",  # GRUB's pager
    re.MULTILINE,
)
_PROMPT = re.compile(r"(?:^|\s)boot:\s*$", re.MULTILINE)
_MENU = re.compile(
    r"(?i:use (?:the .{1,12}(?:arrow )?|arrow )keys)|(?i:which entry is highlighted)"
    r"|(?i:reboot into firmware interface)\s*$"  # the last entry of systemd-boot's
)
_WAITS = re.compile(
    r"boot:\s*$|grub(?: rescue)?>|(?i:press \W?(?:a key|any key|enter|return|tab|esc|f\d+)\b)"
    r"|(?i:strike a key|hit (?:a|any) key)|--MORE--|\[[yY]/[nN]\]"
    r"|(?i:automatic(?:ally)? (?:boot )?in \d+)"
    f"|{_MENU.pattern}"
)
# what GRUB says once it has said what was wrong with each of its entries
_OF_OTHERS = re.compile(r"Failed to boot both default and fallback entries")
_LAST_LINES = 4
_TOGETHER = 3


def complaint_of(text: str) -> str | None:
    """Return what was complained of last in what was written; None of nothing.

    Complaints on lines that follow each other belong together.
    """
    every = [
        (match.start(), " ".join(without_boxes(match[0]).split()))
        for match in _COMPLAINTS.finditer(text)
    ]
    found = [each for each in every if not _OF_OTHERS.search(each[1])] or every
    if not found:
        return None
    said: list[str] = []
    end = len(text)
    for start, words in reversed(found):
        if said and len(text[start:end].strip().splitlines()) > 1:
            break
        said.insert(0, words)
        end = start
    return "; ".join(dict.fromkeys(said[-_TOGETHER:]))


def waits_for_ever(text: str) -> bool:
    """Return whether a screen ends in a prompt that only a person ends.

    SYSLINUX's may count to an end unseen; but what has failed there would fail again.
    """
    end = _end(text)
    return bool(_FOR_EVER.search(end)) or (bool(_PROMPT.search(end)) and bool(complaint_of(text)))


def waits(text: str) -> bool:
    """Return whether a screen shows a menu or a prompt; it may go on by itself after a while."""
    return bool(_WAITS.search(text))


def shows_menu(text: str) -> bool:
    """Return whether a screen shows a menu of GRUB's or one like it, of which an entry is chosen by
    keys."""
    return bool(_MENU.search(text))


def last_lines(text: str, count: int = 2) -> str:
    """Return the last lines that are not empty, without the lines that draw boxes."""
    lines = (" ".join(without_boxes(line).split()) for line in text.splitlines())
    return " / ".join([line for line in lines if line][-count:])


def _end(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-_LAST_LINES:])
