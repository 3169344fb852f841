"""Text put together from INT 10h, as SYSLINUX and GRUB write it."""

from bootharness.formats.bioscall import BiosCall
from bootharness.formats.screen_text import screen_text
from tests.support.traces import registers


def video(function: int, *, al: int = 0, edx: int = 0, count: int = 1) -> BiosCall:
    inside = registers(eax=function << 8 | al, ecx=count, edx=edx)
    return BiosCall(0x10, function, inside, inside, 0.0, 0.0)


def syslinux(text: str, row: int = 0) -> list[BiosCall]:
    """Write each character and set the cursor behind it; a new line is only a cursor's move."""
    calls, column = [], 0
    for letter in text:
        if letter == "\n":
            row, column = row + 1, 0
        else:
            calls.append(video(0x09, al=ord(letter)))
            column += 1
        calls.append(video(0x02, edx=row << 8 | column))
    return calls


def grub(text: str) -> list[BiosCall]:
    """Write new lines by teletype output, all else character by character."""
    calls, row, column = [], 0, 0
    for letter in text:
        if letter in "\r\n":
            calls.append(video(0x0E, al=ord(letter)))
            row, column = (row + 1, column) if letter == "\n" else (row, 0)
        else:
            column += 1
            calls += [video(0x09, al=ord(letter)), video(0x02, edx=row << 8 | column)]
    return calls


def test_lines_of_syslinux() -> None:
    text = "Loading vmlinuz... failed: No such file or directory\nboot: "
    assert screen_text(syslinux(text)) == text


def test_lines_of_grub() -> None:
    text = "Welcome to GRUB!\n\r\n\rerror: no such partition.\n\rgrub rescue> "
    assert screen_text(grub(text)) == text


def test_countdown_that_is_written_over_itself_is_new_lines() -> None:
    calls = [*syslinux("boot in 9"), video(0x02, edx=0), *syslinux("boot in 8")]
    assert screen_text(calls) == "boot in 9\nboot in 8"


def test_character_written_many_times_and_other_calls() -> None:
    line = video(0x09, al=ord("-"), count=5)
    assert screen_text([line, video(0x03), video(0x0E, al=ord("x"))]) == "x----"
    assert screen_text([video(0x09, al=ord(" "), count=0xFFFF)]) == " " * 80
    assert screen_text([]) == ""


def test_what_is_written_over_after_a_backspace_is_not_there() -> None:
    """iPXE turns a bar while it waits."""
    calls = [video(0x0E, al=ord(letter)) for letter in "iPXE...-\b/\b\b\bok\n\bx"]
    assert screen_text(calls) == "iPXE.ok\nx"
    assert screen_text(calls[:-1]) == "iPXE.ok\n"


def test_blank_that_is_written_before_a_letter_is_written_over() -> None:
    """iPXE has its name in bold."""
    blank = video(0x09, al=ord(" "))
    calls = [each for letter in "iPXE 1" for each in (blank, video(0x0E, al=ord(letter)))]
    assert screen_text(calls) == "iPXE 1"
    assert screen_text([*calls, video(0x09, al=ord("x"))]) == "iPXE 1x"


def test_letters_are_those_of_a_pc() -> None:
    drawn = bytes(range(0x80, 0x100)).decode("cp437")

    assert screen_text(video(0x0E, al=0x80 + at) for at in range(0x80)) == drawn
    assert screen_text([video(0x09, al=0xC4, count=3)]) == "───"
