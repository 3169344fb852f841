"""Every reader of a file against files that are damaged, or made to do harm.

Each target is given bytes: they are the file, and they choose what is changed in a good one. It
may be refused by an error of ours, in one sentence, and by no other.
"""

import bz2
import gzip
import lzma
import random
import shutil
import sqlite3
import struct
import subprocess
import tarfile
import tomllib
import zlib
from collections.abc import Callable
from contextlib import closing, suppress
from copy import deepcopy
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec

from bootharness.bisection.log import HuntLog, Seen
from bootharness.debug.prepare import prepare_trace
from bootharness.diagnosis import judge
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import BootHarnessError, FormatError, UsageError
from bootharness.factors.cases import cases, read_features
from bootharness.factors.find import find_factors
from bootharness.factors.results import read_results
from bootharness.formats.forms import form_of
from bootharness.formats.needle import needle_of, new_needle
from bootharness.formats.picture import Area, Picture, pixels_of
from bootharness.formats.zipped import unzipped
from bootharness.gate.diff import diff_of
from bootharness.gate.events import events
from bootharness.gate.matrix import read_matrix
from bootharness.gate.outcome import Entry, GateOutcome
from bootharness.gate.past import outcome_of
from bootharness.gate.report.diff import diff_document, headline, print_diff
from bootharness.gate.report.diff_html import diff_html
from bootharness.gate.report.document import gate_document, read_gate
from bootharness.gate.report.html import html
from bootharness.gate.report.past import past_document
from bootharness.kernels.image import KernelImage
from bootharness.kernels.source import known_kernels
from bootharness.kernels.unpacking import begins, is_compressed, unpacked
from bootharness.plan import BootPlan
from bootharness.predictor.headroom import PartLimit
from bootharness.report.document import document, encode, read_trace
from bootharness.routes.loader import Loader
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.runs.picture import pack, picture, unpack
from bootharness.runs.result import Attempt, BootFacts, CellResult
from bootharness.runs.work import boot_facts
from bootharness.trace.booted import LoaderFacts
from bootharness.trace.machine_facts import MachineFacts
from tests.support.builders import bzimage
from tests.support.fuzz_folder import fuzz_folder
from tests.support.traces import handoff, loading_trace, move, read, teletype

__all__ = ["FILE_TARGETS", "bent", "file_seeds", "garbled"]

_VALUES: tuple[Any, ...] = (
    None, 0, -1, 1, 1 << 31, 1 << 40, 1 << 63, 1 << 70, 10**400, 0.5, 1e308, True, "", "00", "x\0y",
    "/", "..", "selfcheck:16", "grow:16:selfcheck:16", "deb:x", "good", "bad", "skip", "\x1b[2J",
    "a" * 5000, [], {}, [[]], {"": None}, {"at": "stage1", "bytes": 3},
)  # fmt: skip
_WORDS = (
    b"[", b"]", b"{", b"}", b"=", b"\"", b"'", b"\n", b"\0", b"\xff", b"nan", b"inf", b"-",
    b"9" * 5000, b"[" * 900, b"true", b"1979-05-27", b"[[expect]]\n", b"[patch]\n", b",", b".",
    b"\"\\u0000\"",
)  # fmt: skip
TRACE = loading_trace(
    66_000,
    [read(2048, 4), read(2052, 130), move(0x100000), move(0x10FE00, 976), *teletype("x")],
    handoff=handoff(4),
    machine=MachineFacts("qemu-system-i386", "7.2", "tcg", "pc", "ahci", 1 << 29, ()),
    loader=LoaderFacts("stage1", "0" * 64, {"stage1": 0x7C00, "stage1.next": 0x7C10}),
)
_MATRIX = b"""kernels = ["selfcheck:16", "grow:32:selfcheck:16"]
baseline = "selfcheck:48"
memory_mib = [64, 128]
timeout_s = 9.5
paths = ["mbr", "direct"]
cmdlines = ["console=ttyS0"]
[[expect]]
kernel = "*32"
path = "direct"
result = "bad"
"""
_PROFILE = b"""[patch]
kernel_lba = 0x10
cmdline_lba = { at = 0x14, bytes = 4 }
kernel_sectors = { at = 24, bytes = 2 }
"""


def _file(name: str, content: bytes) -> Path:
    path = fuzz_folder("files") / name
    path.write_bytes(content)
    return path


def bent(values: Any, chosen: random.Random) -> Any:
    """Return plain values with some of them changed for others."""
    values = msgspec.json.decode(msgspec.json.encode(values))
    for _ in range(chosen.randint(1, 4)):
        place: Any = values
        while True:
            keys = sorted(place) if isinstance(place, dict) else range(len(place))
            key = chosen.choice(keys)
            inside = place[key]
            if not inside or not isinstance(inside, dict | list) or chosen.random() < 0.1:
                break
            place = inside
        if isinstance(place, dict) and chosen.random() < 0.1:
            del place[key]
        else:
            place[key] = deepcopy(chosen.choice(_VALUES))
        if not values:
            break
    return values


def garbled(content: bytes, chosen: random.Random) -> bytes:
    """Return bytes with a few of them changed, left out, put in or said twice."""
    changed = bytearray(content)
    for _ in range(chosen.randint(1, 6)):
        at = chosen.randrange(len(changed) + 1)
        match chosen.randrange(5):
            case 0:
                del changed[at : at + chosen.choice((1, 8, 512, len(changed)))]
            case 1:
                changed[at:at] = chosen.choice(_WORDS)
            case 2:
                changed[at : at + 1] = bytes([chosen.randrange(256)])
            case 3:
                changed[at : at + 4] = chosen.choice((bytes(4), b"\xff" * 4, b"\0\0\0\x80"))
            case _:
                changed[at:at] = changed[at : at + 64]
    return bytes(changed)


def _refused(reads: Callable[[], object]) -> None:
    try:
        reads()
    except BootHarnessError as error:
        assert "\n" not in str(error)[:-1], error


def debug_trace(data: bytes) -> None:
    """Have a boot again from a trace that was changed."""
    values = bent(msgspec.to_builtins(document(TRACE, judge(TRACE))), random.Random(data))
    text = msgspec.json.encode(values)
    image = fuzz_folder("files") / "disk.img"
    with patch.dict("os.environ", BOOTHARNESS_CACHE=str(fuzz_folder("files") / "cache")):
        _refused(lambda: prepare_trace(read_trace(text), None, image))
    image.unlink(missing_ok=True)


@cache
def _history() -> bytes:
    path = fuzz_folder("files") / "good.sqlite3"
    plan = BootPlan(route="direct")  # limits take a second
    attempt = Attempt(
        Verdict.GOOD, None, "reached init", 1.0, boot_facts(TRACE),
        picture=pack(picture(TRACE, judge(TRACE))),
        trace=zlib.compress(encode(document(TRACE, judge(TRACE)))),
    )  # fmt: skip
    with History(path) as history:
        for number in range(3):
            cell = Cell(f"kernel-{number}", plan)
            history.add(CellResult(cell, f"key-{number}", (attempt,)), harness="1")
        history.keep("known", b"[]")
        for largest in (16, 32):
            history.note_limits("a.asm", [PartLimit("payload", "byte", largest)])
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    return path.read_bytes()


def history(data: bytes) -> None:
    """Read a history with bytes changed, then one with values changed."""
    chosen = random.Random(data)
    _read_history(_file("history", garbled(_history(), chosen)))
    path = _file("history", _history())
    with closing(sqlite3.connect(path)) as database, suppress(sqlite3.Error, OverflowError):
        database.execute("PRAGMA synchronous = OFF")
        table, columns = chosen.choice(
            [("result", ("id", "key", "made_at", "harness", "cell")),
             ("attempt", ("number", "verdict", "cause", "sentence", "seconds", "facts", "trace",
                          "picture")),
             ("limit_seen", ("loader", "part", "unit", "largest", "at")),
             ("known", ("key", "value"))]
        )  # fmt: skip
        column = chosen.choice(columns)
        value = chosen.choice(
            (*_VALUES, data, garbled(b'{"kernel": "x"}', chosen).decode("latin-1"))
        )
        if column in ("cell", "facts") and chosen.random() < 0.6:
            known = Cell("x", BootPlan(route="direct")) if column == "cell" else boot_facts(TRACE)
            value = bent(msgspec.to_builtins(known), chosen)
        if isinstance(value, list | dict):
            value = msgspec.json.encode(value).decode()
        match chosen.randrange(12):
            case 0:
                database.execute(f"DROP TABLE {table}")
            case 1:
                database.execute(f"PRAGMA user_version = {chosen.randint(-2, 5)}")
            case 2:
                database.execute(f"DELETE FROM {table}")
            case _:
                database.execute(f"UPDATE {table} SET {column} = ?", (value,))
        database.commit()
    _read_history(path)


def _read_history(path: Path) -> None:
    def reads() -> None:
        with History(path) as history:
            history.find(Cell("kernel-1"), "key-1")
            history.recall("known")
            history.kernels()
            found = [*history.results()]
            happened = events(history.outcomes(), history.limits_seen())
            past_document(found, happened)
            html(outcome_of(found, history, happened))
            for past in found:
                unpack(past.result.decisive.picture)
                with suppress(FormatError):
                    unzipped(history.trace(past.id, 0), most=1 << 20)

    _refused(reads)
    for left in (f"{path}-wal", f"{path}-shm"):
        Path(left).unlink(missing_ok=True)


def matrix(data: bytes) -> None:
    """Read a matrix, and what comes of one that was changed."""
    for content in (data, garbled(_MATRIX, random.Random(data)), _toml(_MATRIX, data)):
        _refused(lambda content=content: read_matrix(_file("gate.toml", content)))  # type: ignore[misc]


def profile(data: bytes) -> None:
    """Read a loader with its profile."""
    _file("loader.bin", bytes(64))
    for content in (data, garbled(_PROFILE, random.Random(data)), _toml(_PROFILE, data)):
        _file("loader.toml", content)
        _refused(lambda: Loader.read(fuzz_folder("files") / "loader.bin"))


def kernels_table(data: bytes) -> None:
    """Read a table of kernels."""
    good = b'[[kernel]]\nid = "a"\nsource = "selfcheck:16"\n'
    for content in (data, garbled(good, random.Random(data)), _toml(good, data)):
        _refused(lambda content=content: known_kernels(_file("kernels.toml", content)))  # type: ignore[misc]


def _toml(good: bytes, data: bytes) -> bytes:
    """Return a table with values changed: what TOML cannot say is left as it is."""
    values = bent(tomllib.loads(good.decode()), random.Random(data))
    tables = {name: value for name, value in values.items() if isinstance(value, dict)}
    lines = [_line(name, value) for name, value in values.items() if name not in tables]
    for name, table in tables.items():
        lines += [f"[{_word(name)}]", *(_line(key, value) for key, value in table.items())]
    return "\n".join(lines).encode()


def _line(name: str, value: Any) -> str:
    return f"{_word(name)} = {_written(value)}"


def _word(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _written(value: Any) -> str:
    match value:
        case dict():
            inside = (f"{_word(key)} = {_written(each)}" for key, each in value.items())
            return f"{{ {', '.join(inside)} }}"
        case list():
            return f"[{', '.join(map(_written, value))}]"
        case None:
            return '""'
        case bool() | str():
            return msgspec.json.encode(value).decode()
    return repr(value)


@cache
def _results() -> tuple[Any, ...]:
    attempt = Attempt(Verdict.BAD, "kernel-hang", "it hung", facts=boot_facts(TRACE))
    outcome = GateOutcome((Entry(CellResult(Cell("x"), "", (attempt,)), "way"),))
    boots = [
        {"label": "x", "source": "x", "verdict": each, "cause": None,
         "facts": msgspec.to_builtins(BootFacts("6.1", "0" * 64, 16, 16 * at))}
        for at, each in enumerate(("good", "bad", "good"))
    ]  # fmt: skip
    boot = msgspec.to_builtins(document(TRACE, judge(TRACE)))
    return boot, gate_document(outcome), {"boots": boots}, [boot, boot]


def results(data: bytes) -> None:
    """Find what separates good kernels from bad ones in results that were changed."""
    chosen = random.Random(data)
    good = msgspec.to_builtins(chosen.choice(_results()))
    for content in (data, garbled(msgspec.json.encode(good), chosen), _json(bent(good, chosen))):
        path = _file("results.json", content)
        _refused(lambda path=path: find_factors(cases(  # type: ignore[misc]
            read_results([path], None), cause=None, more={})))  # fmt: skip


def _json(values: Any) -> bytes:
    return msgspec.json.encode(values)


@cache
def _gate() -> tuple[GateOutcome, bytes]:
    path = _file("good.json", encode(_results()[1]))
    return read_gate(path), path.read_bytes()


def gate_json(data: bytes) -> None:
    """Read a gate that was written, and say what has changed since."""
    chosen = random.Random(data)
    good, written = _gate()
    bad = bent(msgspec.json.decode(written), chosen)
    for content in (data, garbled(written, chosen), msgspec.json.encode(bad)):
        path = _file("gate.json", content)
        _refused(lambda path=path: _compared(good, read_gate(path)))  # type: ignore[misc]


def _compared(one: GateOutcome, other: GateOutcome) -> None:
    before, after = Path("before.json"), Path("after.json")
    for left, right in ((one, other), (other, one), (other, other)):
        diff = diff_of(left, right)
        assert diff.exit_status in (0, 1, 125)
        assert headline(diff)
        print_diff(diff, before, after, StringIO())
        encode(diff_document(diff, before, after))
        assert diff_html(diff, before, after)


def features(data: bytes) -> None:
    """Read a table of features."""
    good = b"kernel,compiler,size\nx,gcc-10,5\ny,gcc-12,6\n"
    for content in (data, garbled(good, random.Random(data))):
        _refused(lambda content=content: read_features(_file("features.csv", content)))  # type: ignore[misc]


def hunt_log(data: bytes) -> None:
    """Go on with a hunt."""
    chosen = random.Random(data)
    hunted = {"range": "KernelRange"}
    seen = Seen(1, "x", "x", "key", Verdict.GOOD, None, "reached init")
    lines = [{"bootharness_hunt": 1, "hunted": hunted}, *[msgspec.to_builtins(seen)] * 3]
    whole = b"".join(_json(line) + b"\n" for line in lines)
    changed = b"".join(_json(line) + b"\n" for line in bent(lines, chosen))
    for content in (data, garbled(whole, chosen), changed):
        path = _file("hunt.jsonl", content)
        _refused(lambda path=path: HuntLog(path, hunted).close())  # type: ignore[misc]


@cache
def _elf() -> bytes:
    elf = Loader.stage1().elf
    assert elf
    return elf.read_bytes()


def loader_elf(data: bytes) -> None:
    """Read a linked loader."""
    for content in (data, garbled(_elf(), random.Random(data))):
        path = _file("loader.elf", content)
        (fuzz_folder("files") / "loader.toml").unlink(missing_ok=True)
        _refused(lambda path=path: Loader.read(path))  # type: ignore[misc]


@cache
def _uki() -> bytes:
    """Return a UEFI program of one section, a kernel."""
    kernel = bzimage(bytes(64))
    head = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40)
    head += struct.pack("<4sHHIIIHH", b"PE\0\0", 0x8664, 1, 0, 0, 0, 0, 0)
    head += struct.pack("<8sIIII16x", b".linux", len(kernel), 0, len(kernel), 512)
    return head.ljust(512, b"\0") + kernel


@cache
def _package() -> tuple[bytes, bytes, bytes]:
    """Return a Debian package with a kernel, in pieces: head, files, the head of the files."""
    kernel = bzimage(bytes(64))
    member = tarfile.TarInfo("./boot/vmlinuz-6.1")
    member.size = len(kernel)
    files = member.tobuf() + kernel.ljust(-(-len(kernel) // 512) * 512, b"\0") + bytes(1024)

    def part(name: str, size: int) -> bytes:
        return f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{size:<10}`\n".encode()

    control = zlib.compress(bytes(1024), wbits=31)
    head = b"!<arch>\n" + part("debian-binary", 4) + b"2.0\n"
    head += part("control.tar.gz", len(control)) + control + b"\n" * (len(control) % 2)
    return head, files, part("data.tar", 0)[:48]


def kernel_file(data: bytes) -> None:
    """Read a kernel, by itself, compressed, in a UKI and in a package."""
    chosen = random.Random(data)
    head, files, name = _package()
    files = garbled(files, chosen)
    package = head + name + f"{len(files):<10}`\n".encode() + files
    packed = zlib.compress(garbled(bzimage(bytes(64)), chosen), wbits=31)
    with patch.dict("os.environ", BOOTHARNESS_CACHE=str(fuzz_folder("files") / "cache")):
        for content in (data, garbled(_uki(), chosen), package, garbled(packed, chosen)):
            path = _file("kernel", content)
            _refused(lambda path=path: _facts_of(path))  # type: ignore[misc]
            shutil.rmtree(fuzz_folder("files") / "cache" / "inside", ignore_errors=True)


def _facts_of(path: Path) -> None:
    kernel = KernelImage.read(path)
    assert kernel.facts
    assert len(kernel.read_payload()) + kernel.missing_bytes + 15 >= kernel.payload_bytes


def compressed(data: bytes) -> None:
    """Unpack files of every form into the cache, whole, damaged, and too large."""
    chosen = random.Random(data)
    content = bytes(chosen.choice((0, 10, 70_000))) + data
    packed = chosen.choice(
        (gzip.compress, bz2.compress, lzma.compress,
         lambda plain: lzma.compress(plain, lzma.FORMAT_ALONE), _piped("zstd"), _piped("lz4"))
    )(content)  # fmt: skip
    with patch.dict("os.environ", BOOTHARNESS_CACHE=str(fuzz_folder("files") / "cache")):
        for given in (packed, garbled(packed, chosen), packed[:6] + data):
            path, form = _file("packed", given), form_of(given)
            if form is None or not is_compressed(form):
                continue
            assert len(begins(path, form, 16)) <= 16
            for most in (len(content), len(content) // 2):
                with suppress(FormatError):
                    made = unpacked(path, form, "fuzzed", most)
                    assert made.stat().st_size <= most
                    assert given is not packed or made.read_bytes() == content
                shutil.rmtree(fuzz_folder("files") / "cache" / "fuzzed", ignore_errors=True)


def _piped(program: str) -> Callable[[bytes], bytes]:
    return lambda plain: (
        subprocess.run([program, "-qc"], input=plain, stdout=subprocess.PIPE, check=True).stdout
    )


@cache
def _screen() -> tuple[Picture, bytes, bytes]:
    """Return a screen, as a picture and as a PPM file, and a needle cut out of it."""
    shown = random.Random(0).randbytes(64 * 48 * 3)
    ppm = b"P6\n64 48\n255\n" + shown
    picture = pixels_of(ppm, "PPM")
    return picture, ppm, new_needle(picture, Area(8, 8, 16, 12))


def pictures(data: bytes) -> None:
    """Read screens and needles, look for one on the other, and cut one out."""
    chosen = random.Random(data)
    screen, ppm, png = _screen()
    for content in (data, garbled(ppm, chosen), garbled(png, chosen)):
        with suppress(FormatError):
            pixels_of(content, "PNG", "PPM")
        with suppress(FormatError):
            likeness = needle_of(content).on(screen)
            assert likeness is None or 0 <= likeness.percent <= 100
    for said in (data.decode("latin-1"), ",".join(map(str, data[:3])) + "x" + str(len(data))):
        with suppress(UsageError, FormatError):
            needle_of(new_needle(screen, Area.parse(said)))


def zipped(data: bytes) -> None:
    """Unpack what may be damaged, and no more of it than was asked for."""
    packed = zlib.compress(bytes(10_000) + data)
    for content in (data, packed, garbled(packed, random.Random(data))):
        with suppress(FormatError):
            assert len(unzipped(content, most=9_000)) <= 9_000


FILE_TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        debug_trace, history, matrix, profile, kernels_table, results, features, hunt_log,
        gate_json, loader_elf, kernel_file, pictures, compressed, zipped,
    )
}  # fmt: skip


def file_seeds() -> dict[str, bytes]:
    """Return something right for every target; most choose by it what to change."""
    return {
        **dict.fromkeys(FILE_TARGETS, b"\x01"),
        "matrix": _MATRIX,
        "profile": _PROFILE,
        "features": b"kernel,size\nx,5\n",
        "loader_elf": _elf(),
        "kernel_file": bzimage(bytes(64)),
        "zipped": zlib.compress(b"x"),
    }
