"""Disk images as people have them: SYSLINUX on a FAT file system, GRUB with either entry."""

import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Judgement, Verdict, judge
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import DEFAULT_CMDLINE, BootPlan, MachineConfig
from bootharness.predictor.predict import predict
from bootharness.watch import suspicion
from tests.support.emulated import assembled
from tests.support.media import needs, overwrite, run
from tests.support.processes import run as run_command

pytestmark = pytest.mark.sample(2)

PARTITION_LBA = 2048
SIZE_MIB = 64
SYSLINUX_MBR = Path("/usr/lib/syslinux/mbr/mbr.bin")
SYSLINUX_MODULE = Path("/usr/lib/syslinux/modules/bios/ldlinux.c32")
GRUB_BOOT = Path("/usr/lib/grub/i386-pc/boot.img")
GRUB_MODULES = "biosdisk part_msdos fat"


@pytest.fixture(scope="module")
def fat_disk(tmp_path_factory: pytest.TempPathFactory, debian: str) -> Path:
    """A disk with the kernel on a FAT file system, and no loader."""
    needs("sfdisk", "mkfs.vfat", "mcopy")
    disk = tmp_path_factory.mktemp("disk") / "fat.img"
    with disk.open("wb") as file:
        file.truncate(SIZE_MIB << 20)
    run("sfdisk", "-q", disk, text=f"start={PARTITION_LBA}, type=c, bootable\n")
    run("mkfs.vfat", "-F", "32", "--offset", str(PARTITION_LBA), disk, str((SIZE_MIB - 1) << 10))
    copy(disk, fetch(debian).path, "vmlinuz")
    return disk


def copy(disk: Path, source: Path, name: str) -> None:
    run("mcopy", "-i", f"{disk}@@1M", source, f"::{name}")


def is_good(disk: Path, *, memory: bool) -> None:
    plan = BootPlan(route="disk", until="banner", timeout_s=300)
    predicted = judge(predict(str(disk), plan))
    assert (predicted.verdict, predicted.cause) == (Verdict.SKIP, "not-emulated")
    trace = boot(str(disk), plan)
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.kernel
    assert trace.kernel.release.startswith("6.1")
    assert (trace.handoff is not None) is memory
    if trace.handoff:
        assert trace.handoff.memory_equal is True


def syslinux(fat_disk: Path, folder: Path, config: str) -> Path:
    needs("syslinux", SYSLINUX_MBR, SYSLINUX_MODULE)
    disk = folder / "syslinux.img"
    shutil.copy(fat_disk, disk)
    (folder / "syslinux.cfg").write_text(config)
    copy(disk, folder / "syslinux.cfg", "syslinux.cfg")
    copy(disk, SYSLINUX_MODULE, "ldlinux.c32")
    run("syslinux", "--install", "--offset", str(PARTITION_LBA * 512), disk)
    overwrite(disk, 0, SYSLINUX_MBR.read_bytes()[:440])
    return disk


def grub(fat_disk: Path, folder: Path, config: str, command: str = "linux") -> Path:
    needs("grub-mkstandalone", GRUB_BOOT)
    disk, core = folder / "grub.img", folder / "core.img"
    shutil.copy(fat_disk, disk)
    (folder / "grub.cfg").write_text(config)
    run(
        *("grub-mkstandalone", "-O", "i386-pc", "-o", core, "--locales=", "--themes=", "--fonts="),
        *(f"--install-modules={command} normal {GRUB_MODULES}", f"--modules={GRUB_MODULES}"),
        f"boot/grub/grub.cfg={folder / 'grub.cfg'}",
    )
    overwrite(disk, 0, GRUB_BOOT.read_bytes()[:440])
    overwrite(disk, 512, core.read_bytes())
    return disk


def judged(
    disk: Path, *, until: str = "banner", memory_mib: int = 512, idle_s: float = 15
) -> Judgement:
    machine = MachineConfig(memory_mib=memory_mib)
    plan = BootPlan(route="disk", until=until, timeout_s=300, idle_s=idle_s, machine=machine)
    return judge(boot(str(disk), plan))


def test_syslinux(fat_disk: Path, tmp_path: Path) -> None:
    config = f"default it\nlabel it\n kernel vmlinuz\n append {DEFAULT_CMDLINE}\n"
    is_good(syslinux(fat_disk, tmp_path, config), memory=True)


@pytest.mark.parametrize("command", ["linux16", "linux"])
def test_grub(fat_disk: Path, tmp_path: Path, command: str) -> None:
    """``linux16`` enters the setup code, ``linux`` the kernel's 32-bit entry."""
    config = f"{command} (hd0,msdos1)/vmlinuz {DEFAULT_CMDLINE}\nboot\n"
    is_good(grub(fat_disk, tmp_path, config, command), memory=command == "linux16")


def test_kernel_of_64_bits_entered_past_its_setup_code_on_a_cpu_of_32(
    fat_disk: Path, tmp_path: Path
) -> None:
    disk = grub(fat_disk, tmp_path, f"{LINUX}boot\n")
    machine = MachineConfig(cpu="pentium3")
    plan = BootPlan(route="disk", timeout_s=300, idle_s=4, machine=machine)
    judgement = judge(boot(str(disk), plan))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "wrong-cpu"), judgement.summary
    assert "pentium3, which --cpu asks for: there is no sse2 and no long mode" in judgement.summary
    assert not judgement.consequences


LINUX = f"linux (hd0,msdos1)/vmlinuz {DEFAULT_CMDLINE}\n"
LABEL = f"label it\n kernel vmlinuz\n append {DEFAULT_CMDLINE}\n"


@pytest.mark.long
@pytest.mark.parametrize(
    ("append", "words"),
    [
        ("console=ttyS0,115200 quiet panic=-1", "other words on the serial line"),
        ("console=tty0 root=/dev/sda2 ro", "other words on the screen"),
    ],
)
def test_kernel_of_a_disk_that_is_quiet_or_speaks_on_the_screen_is_good(
    fat_disk: Path, tmp_path: Path, append: str, words: str
) -> None:
    config = f"default it\nlabel it\n kernel vmlinuz\n append {append}\n"
    judgement = judged(syslinux(fat_disk, tmp_path, config))
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert words in judgement.summary


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("default it\nlabel it\n kernel gone\n", "Loading gone... failed: No such file"),
        (f"default it\n{LABEL} initrd lost.img\n", "Loading lost.img...failed: No such file"),
    ],
)
def test_what_syslinux_does_not_find_is_in_its_words(
    fat_disk: Path, tmp_path: Path, config: str, words: str
) -> None:
    judgement = judged(syslinux(fat_disk, tmp_path, config))
    assert judgement.cause == "boot-manager-error"
    assert words in judgement.summary


@pytest.mark.long
def test_prompt_that_goes_on_by_itself_is_waited_for(fat_disk: Path, tmp_path: Path) -> None:
    config = f"default it\nprompt 1\ntimeout 50\n{LABEL}"  # tenths of a second, unseen
    judgement = judged(syslinux(fat_disk, tmp_path, config), idle_s=2)
    assert judgement.verdict is Verdict.GOOD, judgement.summary


PROMPT_THAT_GOES_ON = """
        xor     ax, ax
        mov     ds, ax
        mov     ss, ax
        mov     sp, 0x7c00
        mov     si, prompt
next:   lodsb
        mov     ah, 0x0e
        int     0x10
        cmp     byte [si], 0
        jne     next
        mov     ax, 4 * 18              ; seconds, in ticks
        call    wait_for
        mov     ax, 0xb800              ; no call of the BIOS tells of this
        mov     es, ax
        mov     dword [es:24 * 160], 0x074b074f
        mov     ax, 18
        call    wait_for
        int     0x18
wait_for:
        add     ax, [0x46c]
.tick:  hlt
        cmp     [0x46c], ax
        jb      .tick
        ret
prompt: db 13, 10, "boot: ", 0
"""


@pytest.mark.long
def test_prompt_that_has_just_gone_on_is_not_blamed_for_how_long_it_waited(tmp_path: Path) -> None:
    disk = tmp_path / "prompt.img"
    disk.write_bytes(assembled(tmp_path, PROMPT_THAT_GOES_ON).ljust(1 << 20, b"\0"))
    trace = boot(str(disk), BootPlan(route="disk", until="banner", timeout_s=60, idle_s=2))
    assert trace.ending.kind == "boot-failed"
    assert trace.ending.seconds > 4


def test_what_grub_does_not_find_is_in_its_words(fat_disk: Path, tmp_path: Path) -> None:
    judgement = judged(grub(fat_disk, tmp_path, "linux (hd0,msdos1)/gone\nboot\n"))
    assert judgement.cause == "boot-manager-error"
    assert "error: file `/gone' not found." in judgement.summary


@pytest.mark.long
def test_kernel_that_grub_read_and_did_not_enter_is_not_named(
    fat_disk: Path, tmp_path: Path
) -> None:
    disk = grub(fat_disk, tmp_path, f"{LINUX}if initrd (hd0,msdos1)/gone.img; then boot; fi\n")
    done = run_command("boot", "--disk", disk, "--json", tmp_path / "trace.json")
    assert done.returncode == 1, done.stderr
    assert "boot-manager-error" in done.stdout
    assert "error: file `/gone.img' not found." in done.stdout
    assert "6.1." not in done.stdout


def test_grub_whose_partition_is_gone_has_only_its_rescue_shell(
    fat_disk: Path, tmp_path: Path
) -> None:
    needs("grub-mkimage", GRUB_BOOT)
    disk, core = tmp_path / "grub.img", tmp_path / "core.img"
    shutil.copy(fat_disk, disk)
    run(
        *("grub-mkimage", "-O", "i386-pc", "-o", core, "-p", "(hd0,msdos3)/boot/grub"),
        *GRUB_MODULES.split(),
    )
    overwrite(disk, 0, GRUB_BOOT.read_bytes()[:440])
    overwrite(disk, 512, core.read_bytes())
    judgement = judged(disk)
    assert judgement.cause == "boot-manager-error"
    assert "error: no such partition." in judgement.summary
    assert judgement.diagnosis
    assert any("grub rescue>" in line for line in judgement.diagnosis.evidence)


@pytest.mark.long
def test_grub_that_falls_back_is_good_with_a_warning(fat_disk: Path, tmp_path: Path) -> None:
    entries = "".join(
        f"menuentry {name} {{\nlinux (hd0,msdos1)/{file} {DEFAULT_CMDLINE}\n}}\n"
        for name, file in (("one", "gone"), ("two", "vmlinuz"))
    )
    disk = grub(fat_disk, tmp_path, f"set timeout=0\nset default=0\nset fallback=1\n{entries}")
    judgement = judged(disk)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert any("file `/gone' not found" in warning for warning in judgement.warnings)


def menu(kernel_of: dict[str, str]) -> str:
    entries = "".join(
        f"menuentry {name} {{\nlinux16 (hd0,msdos1)/{file} {DEFAULT_CMDLINE}\n}}\n"
        for name, file in kernel_of.items()
    )
    return f"set timeout=-1\nset default=0\n{entries}"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a person no longer than the test of waiting does."""
    monkeypatch.setattr(suspicion, "PERSON_S", 5.0)


@pytest.mark.long
def test_second_entry_of_a_grub_menu(fat_disk: Path, tmp_path: Path, impatient: None) -> None:
    disk = grub(fat_disk, tmp_path, menu({"usual": "gone", "rescue": "vmlinuz"}), "linux16")
    typed = BootPlan(route="disk", until="banner", timeout_s=300, send=("GNU GRUB=><down><enter>",))
    trace = boot(str(disk), typed)
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert "'<down><enter>' typed at 'GNU GRUB'" in judgement.summary
    assert [(each.on, each.pattern) for each in trace.sent] == [("screen", "GNU GRUB")]
    usual = judge(boot(str(disk), replace(typed, send=("GNU GRUB=><enter>",), idle_s=2)))
    assert usual.cause == "boot-manager-error"
    assert "file `/gone' not found" in usual.summary


@pytest.mark.long
def test_label_that_is_typed_at_the_prompt_of_syslinux(
    fat_disk: Path, tmp_path: Path, impatient: None
) -> None:
    config = f"default usual\nprompt 1\nlabel usual\n kernel gone\n{LABEL}"
    disk = syslinux(fat_disk, tmp_path, config)
    plan = BootPlan(route="disk", until="banner", timeout_s=300, idle_s=6)
    judgement = judge(boot(str(disk), replace(plan, send=('boot:=>it Quiet="1_2"<enter>',))))
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    never = judge(boot(str(disk), replace(plan, send=("Press F1=>x", "boot:=>it<enter>"))))
    assert never.cause == "boot-menu-waits"
    assert "'Press F1' never came, so 'x' was not typed" in never.warnings


@pytest.mark.long
def test_initrd_that_grub_has_no_memory_for(fat_disk: Path, tmp_path: Path) -> None:
    large, initrd = tmp_path / "large.img", tmp_path / "initrd.img"
    with initrd.open("wb") as file:
        file.truncate(100 << 20)
    with large.open("wb") as file:
        file.truncate(180 << 20)
    run("sfdisk", "-q", large, text=f"start={PARTITION_LBA}, type=c, bootable\n")
    run("mkfs.vfat", "-F", "32", "--offset", str(PARTITION_LBA), large, str(179 << 10))
    run("mcopy", "-i", f"{fat_disk}@@1M", "::vmlinuz", tmp_path / "vmlinuz")
    copy(large, tmp_path / "vmlinuz", "vmlinuz")
    copy(large, initrd, "initrd.img")
    config = f"linux (hd0,msdos1)/vmlinuz {DEFAULT_CMDLINE}\ninitrd (hd0,msdos1)/initrd.img\nboot\n"
    disk = grub(large, tmp_path, config)
    early = judged(disk, memory_mib=128)
    assert early.verdict is Verdict.GOOD, early.summary
    assert any("out of memory" in warning for warning in early.warnings)
    late = judged(disk, until="init", memory_mib=128)
    assert late.cause == "initrd-dropped"
    assert "out of memory" in late.summary


def test_boot_sector_without_a_system_says_so(fat_disk: Path, tmp_path: Path) -> None:
    needs(SYSLINUX_MBR)
    disk = tmp_path / "empty.img"
    shutil.copy(fat_disk, disk)
    overwrite(disk, 0, SYSLINUX_MBR.read_bytes()[:440])
    judgement = judged(disk)  # mkfs.vfat's own boot sector
    assert judgement.cause == "boot-manager-error"
    assert "This is not a bootable disk" in judgement.summary
