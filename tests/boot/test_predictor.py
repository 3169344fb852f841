"""The predictor against real boots: the same calls with the same registers, the same state at
the handoff, the same judgement."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.diagnosis.agreement import disagreement
from bootharness.formats.bioscall import BiosCall, Registers
from bootharness.kernels.image import KernelImage
from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, MachineConfig
from bootharness.predictor.predict import predict_disk
from bootharness.predictor.quirks import Quirks, ReadError
from bootharness.routes.disk import DiskImage
from bootharness.routes.disk_layout import DiskLayout
from bootharness.routes.loader import Loader
from bootharness.routes.mbr import lay_out
from bootharness.trace.boot_trace import BootTrace
from tests.boot.conftest import Boot
from tests.support.boots import settled
from tests.support.builders import edited_stage1, patched_kernel, without_carry
from tests.support.programs import qemu_with_read_errors

LOADERS = Path(__file__).parents[1] / "support/loaders"
LIMIT = 15_735_808
HELLO = "selfcheck:200000"
FIRST_CHUNK_LBA = 2061
IDLE_S = 1.0


@pytest.fixture
def agreed(boots: Boot) -> Callable[..., BootTrace]:
    """Boot and predict, compare the two, and return the prediction."""

    def run(
        source: str, loader: Loader | None = None, *, errors: tuple[ReadError, ...] = (),
        **options: Any,
    ) -> BootTrace:  # fmt: skip
        loader = loader or Loader.stage1()
        options = {"until": "setup", "idle_s": IDLE_S, **options}
        real = boots(source, loader, **options)
        of_machine = {
            name: options.pop(name) for name in MachineConfig.__struct_fields__ if name in options
        }
        machine = MachineConfig(**of_machine)
        layout = lay_out(fetch(source), loader, settled(BootPlan(machine=machine, **options)))
        predicted = predict_disk(layout, memory_bytes=machine.memory_bytes, quirks=Quirks(errors))
        compare(real, predicted)
        return predicted

    return run


def compare(real: BootTrace, predicted: BootTrace) -> None:
    assert disagreement(real.loader_calls, predicted.loader_calls) is None
    for one, other in zip(real.loader_calls, predicted.loader_calls, strict=True):
        assert essence(one) == essence(other)
    assert judge(real).verdict == judge(predicted).verdict
    assert judge(real).cause == judge(predicted).cause, judge(predicted).summary
    assert state(real) == state(predicted)
    assert [point.name for point in real.milestones] == [
        point.name for point in predicted.milestones
    ]
    assert real.screen == predicted.screen


def essence(call: BiosCall) -> tuple[Registers | None, Registers | None]:
    return seen(call.registers_in), seen(call.registers_out)


def seen(registers: Registers | None) -> Registers | None:
    """Leave out what the recorder does not record."""
    return registers and replace(registers, ss=None, fs=None, gs=None)


def state(trace: BootTrace) -> object:
    return trace.handoff and replace(trace.handoff, seconds=0.0, calls=len(trace.loader_calls))


@pytest.mark.parametrize("size", [0, 65_024, 65_040, 17_000_000])
def test_stage1(agreed: Callable[..., BootTrace], size: int) -> None:
    trace = agreed(f"selfcheck:{size}")
    assert trace.handoff
    assert trace.placed_bytes == size


def test_linux(agreed: Callable[..., BootTrace], debian: str) -> None:
    trace = agreed(debian)
    assert trace.handoff
    assert trace.handoff.memory_equal


@pytest.mark.sample(3)
# from 15,760,368 on the wrapped move reaches stage1's stack, later its code and the table
# that the BIOS is moving by: garbage is executed, and it is the same garbage
@pytest.mark.parametrize(
    "size",
    [LIMIT, LIMIT + 16, 15_760_368, 15_760_736, 15_760_992, 17_000_000],
)
def test_without_the_carry(agreed: Callable[..., BootTrace], debian: str, size: int) -> None:
    trace = agreed(f"grow:{size}:{debian}", without_carry(Loader.stage1()))
    assert judge(trace).cause == (None if size <= LIMIT else "destination-wrapped")


def instead(code: str) -> tuple[str, str]:
    """Return the edit that puts code in the place of the loading."""
    return "load_kernel:\n", f"load_kernel:\n{code}\n"


EDITS = {
    "126 sectors at once": ("127 * 512", "126 * 512"),
    "64 sectors at once": ("127 * 512", "64 * 512"),
    "no access byte": ("DATA_RW         equ 0x93", "DATA_RW equ 0x00"),
    "read-only destination": ("DATA_RW         equ 0x93", "DATA_RW equ 0x91"),
    "code segment": ("DATA_RW         equ 0x93", "DATA_RW equ 0x9b"),
    "small limit": (".destination:   dw 0xffff", ".destination: dw 0x00ff"),
    "source in another segment": ("(BUFFER_SEGMENT << 4) & 0xffff", "0x8000"),
    "one setup sector less": ("        shl     cx, 9\n", "dec cx\nshl cx, 9\n"),
    "header not set": ("        mov     dword [cmd_line_ptr]", "        ; mov"),
    "wrong entry": ("jmp     SETUP_SEGMENT:0", "jmp KERNEL_SEGMENT:0"),
    "interrupts on": ("        cli\n", ""),
    "wrong stack": ("mov     sp, HEAP_END", "mov sp, 0x1300"),
    "over the vectors": ("        mov     bx, BUFFER_SEGMENT\n", "mov bx, 0\n"),
    "halts": instead("cli\nhlt"),
    "loops": instead("jmp $"),
    "loops in a circle": instead(".a: mov ax, 5\npush ax\npop bx\njmp .a"),
    "waits for a key": instead("mov ah, 0\nint 0x16"),
    "invalid instruction": instead("db 0x0f, 0xff"),
    "divides by zero": instead("xor cx, cx\ndiv cx"),
    "resets": instead("jmp 0xffff:0"),
    "resets by the keyboard": instead("mov al, 0xfe\nout 0x64, al\njmp $"),
    "boots again": instead("int 0x19"),
}


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", EDITS)
def test_edited_stage1(agreed: Callable[..., BootTrace], tmp_path: Path, name: str) -> None:
    old, new = EDITS[name]
    agreed(HELLO, edited_stage1(tmp_path, lambda source: source.replace(old, new, 1)))


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", ["chs", "unreal", "protected"])
@pytest.mark.parametrize("size", [100_000, 3_000_000])
def test_loaders_of_other_kinds(agreed: Callable[..., BootTrace], name: str, size: int) -> None:
    trace = agreed(f"selfcheck:{size}", Loader.read(LOADERS / f"{name}.asm"))
    assert trace.handoff
    assert trace.handoff.memory_equal


def test_loader_with_a_profile(agreed: Callable[..., BootTrace], tmp_path: Path) -> None:
    from tests.boot.test_loaders import foreign_asm

    agreed(HELLO, Loader.read(foreign_asm(tmp_path)))


@pytest.mark.sample(3)
@pytest.mark.parametrize("lba", [2048, 2055, FIRST_CHUNK_LBA + 130])
@pytest.mark.parametrize("times", [4, 5, None])
def test_disk_errors(
    agreed: Callable[..., BootTrace], tmp_path: Path, lba: int, times: int | None
) -> None:
    qemu = qemu_with_read_errors(tmp_path, lba, times)
    errors = (ReadError(lba, times),)
    trace = agreed(HELLO, errors=errors, qemu=qemu, accelerator="tcg")
    assert bool(trace.handoff) == (times == 4)


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("setup_sects", "field", "size", "value"),
    [
        (4, "setup_sects", 1, 0),
        (64, "setup_sects", 1, 65),
        (8, "version", 2, 0x203),
        (8, "loadflags", 1, 0),
        (8, "code32_start", 4, 0x200000),
        (8, "syssize", 4, 200_000),  # more than the file has, and than the disk
    ],
)
def test_odd_kernels(
    agreed: Callable[..., BootTrace], tmp_path: Path,
    setup_sects: int, field: str, size: int, value: int,
) -> None:  # fmt: skip
    kernel = selfcheck_kernel(200_000, setup_sects=setup_sects)
    agreed(str(patched_kernel(kernel, tmp_path / "bzImage", size=size, **{field: value})))


@pytest.mark.parametrize("length", [0, 2047, 2048])
def test_command_lines(agreed: Callable[..., BootTrace], length: int) -> None:
    agreed(HELLO, cmdline="x" * length)


@pytest.mark.parametrize(("size", "memory_mib"), [(1, 512), (10_000_001, 16), (14 << 20, 16)])
def test_initrds(
    agreed: Callable[..., BootTrace], tmp_path: Path, size: int, memory_mib: int
) -> None:
    initrd = tmp_path / "initrd"
    initrd.write_bytes(b"\x5a" * size)
    agreed(HELLO, initrd=initrd, memory_mib=memory_mib)


@pytest.mark.parametrize("memory_mib", [2, 16, 64, 1024])
def test_every_service_on_machines_of_all_sizes(
    agreed: Callable[..., BootTrace], memory_mib: int
) -> None:
    trace = agreed(HELLO, Loader.read(LOADERS / "questions.asm"), memory_mib=memory_mib)
    assert len(trace.loader_calls) > 100


@pytest.mark.parametrize("size_bytes", [5 << 20, 600 << 20, 9 << 30, 200 << 30])
def test_every_service_with_disks_of_all_sizes(tmp_path: Path, size_bytes: int) -> None:
    layout = DiskLayout.plan(
        Loader.read(LOADERS / "questions.asm"),
        KernelImage.read(selfcheck_kernel(0)),
        cmdline="",
        memory_bytes=512 << 20,
        size_bytes=size_bytes,
    )
    disk = layout.write(tmp_path / "disk.img")
    compare(boot(disk, BootPlan(route="disk", until="setup", idle_s=IDLE_S)), predict_disk(disk))


def test_disk_image_of_somebody_else(tmp_path: Path) -> None:
    kernel = KernelImage.read(selfcheck_kernel(100_000))
    path = lay_out(kernel, Loader.stage1(), settled(BootPlan())).write(tmp_path / "disk.img").path
    disk = DiskImage.existing(path)
    real, predicted = boot(disk, BootPlan(route="disk", until="setup")), predict_disk(disk)
    compare(real, predicted)
    assert predicted.kernel == real.kernel
    assert predicted.disk == real.disk


def test_disk_that_nobody_can_boot(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(1 << 20))
    disk = DiskImage.existing(path)
    real, predicted = boot(disk, BootPlan(route="disk", until="setup")), predict_disk(disk)
    compare(real, predicted)
    assert predicted.ending.kind == real.ending.kind == "boot-failed"
