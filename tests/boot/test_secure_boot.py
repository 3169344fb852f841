"""Secure Boot with real firmware: who refuses what, keys of one's own, and what is revoked."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.routes.esp import write_esp
from bootharness.trace.boot_trace import BootTrace
from tests.support.media import needs
from tests.support.signing import own_key, signed

KERNEL = "deb:linux-image-cloud-amd64/bookworm"
SHIM = Path("/usr/lib/shim/shimx64.efi.signed")
GRUB = Path("/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed")
MANAGER = Path("/usr/lib/shim/mmx64.efi.signed")
SYSTEMD = Path("/usr/lib/systemd/boot/efi/systemd-bootx64.efi")
FALLBACK = "EFI/BOOT/BOOTX64.EFI"


@pytest.fixture(autouse=True)
def _tools() -> None:
    needs(Path("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd"), "mcopy")


def booted(source: str, route: str = "uefi-disk", **options: object) -> BootTrace:
    usual = {"route": route, "firmware": "uefi-secure", "until": "banner", "timeout_s": 120.0,
             "idle_s": 4.0}  # fmt: skip
    return boot(source, choose(BootPlan(), {**usual, **options}))


def refused(trace: BootTrace) -> str:
    judgement = judge(trace)
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "secure-boot-refused"), (
        judgement.summary
    )
    return judgement.summary


def disk(folder: Path, files: Mapping[str, Path]) -> str:
    write_esp(folder / "disk.img", files)
    return str(folder / "disk.img")


def with_own_key(folder: Path, program: Path) -> tuple[Path, Path]:
    """Sign a program with a key made for it; return it and the certificate."""
    needs("sbsign", "openssl")
    return signed(program, folder / "signed.efi", folder), own_key(folder)[1]


def test_shim_grub_and_a_signed_kernel_are_proven_in_memory() -> None:
    needs(SHIM, GRUB)
    trace = booted(KERNEL, "uefi-shim", idle_s=20.0)
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.machine
    assert trace.machine.secure_boot
    assert trace.kernel
    assert trace.uefi_handoff
    assert trace.proof.compared_bytes == trace.kernel.header.payload_length
    assert trace.uefi_handoff.initrd
    assert trace.uefi_handoff.initrd.equal


def test_shim_refuses_a_kernel_that_was_changed_after_it_was_signed(tmp_path: Path) -> None:
    needs(SHIM, GRUB)
    kernel = bytearray(fetch(KERNEL).path.read_bytes())
    kernel[0x1F0000] ^= 1
    changed = tmp_path / "vmlinuz"
    changed.write_bytes(kernel)
    said = refused(booted(str(changed), "uefi-shim", fail_on=("bad shim signature",)))
    assert f"shim refuses the kernel ({changed})" in said
    assert "it is signed by Debian Secure Boot Signer" in said
    assert said.endswith("but it has been changed since")


@pytest.mark.long
def test_a_changed_kernel_on_somebodys_disk_is_no_unsigned_one(tmp_path: Path) -> None:
    needs(SHIM, GRUB)
    kernel = bytearray(fetch(KERNEL).path.read_bytes())
    kernel[len(kernel) // 2] ^= 1
    changed, config = tmp_path / "vmlinuz", tmp_path / "grub.cfg"
    changed.write_bytes(kernel)
    config.write_text("search --no-floppy --file --set=root /vmlinuz\nlinux /vmlinuz\nboot\n")
    image = disk(
        tmp_path,
        {
            FALLBACK: SHIM,
            "EFI/BOOT/grubx64.efi": GRUB,
            "EFI/debian/grub.cfg": config,
            "vmlinuz": changed,
        },
    )
    said = refused(booted(image, fail_on=("bad shim signature",)))
    assert "shim refuses the kernel" in said
    assert said.endswith("but it has been changed since")


def test_the_machine_refuses_a_key_that_it_does_not_know(tmp_path: Path) -> None:
    needs(SYSTEMD)
    program, _ = with_own_key(tmp_path, SYSTEMD)
    unknown = refused(booted(disk(tmp_path, {FALLBACK: program})))
    assert r"the firmware refuses \EFI\BOOT\BOOTX64.EFI (Access Denied)" in unknown
    assert "signed by Image builder (issued by Image builder), whom db does not know" in unknown


@pytest.mark.long
def test_the_machine_accepts_ones_own_key_and_refuses_what_is_revoked(tmp_path: Path) -> None:
    needs(SYSTEMD)
    program, certificate = with_own_key(tmp_path, SYSTEMD)
    image = disk(tmp_path, {FALLBACK: program})
    revoked = booted(image, enrolled=(str(certificate),), revoked=(str(program),))
    assert refused(revoked).endswith("its digest is among those that are revoked (dbx)")
    alone = booted(image, firmware="uefi", enrolled=(str(certificate),))
    assert any(call.service == "StartImage" for call in alone.uefi_calls if "EFI" in call.path)
    assert alone.machine
    assert alone.machine.secure_boot


def with_machine_owner_key(folder: Path, name: str, certificate: Path) -> str:
    """Return the variables of a PC with a key in shim's own list, MokList, or one that waits to be
    put there, MokNew."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding
    from virt.firmware.efi import guids
    from virt.firmware.efi.efivar import EfiVar
    from virt.firmware.varstore.edk2 import Edk2VarStore

    store = Edk2VarStore("/usr/share/OVMF/OVMF_VARS_4M.ms.fd")
    found = store.get_varlist()
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_bytes(Encoding.DER)
    keys = EfiVar("MokList")
    keys.sigdb_add_cert_data(guids.parse_str(guids.Shim), key)
    found[name] = EfiVar(name, guids.Shim, keys.attr, keys.data)
    made = folder / f"{name}.fd"
    store.write_varstore(str(made), found)
    return str(made)


@pytest.mark.long
def test_shim_accepts_a_key_that_the_machines_owner_has_enrolled(tmp_path: Path) -> None:
    needs(SHIM, SYSTEMD)
    program, certificate = with_own_key(tmp_path, SYSTEMD)
    image = disk(tmp_path, {FALLBACK: SHIM, "EFI/BOOT/grubx64.efi": program})
    said = refused(booted(image))
    assert r"shim refuses \EFI\BOOT\grubx64.efi" in said
    assert said.endswith("whom neither shim nor db knows")
    owned = booted(image, firmware_vars=with_machine_owner_key(tmp_path, "MokList", certificate))
    judgement = judge(owned)  # it has nothing to boot
    assert judgement.cause == "efi-gave-up", judgement.summary
    assert "the firmware's setup" in judgement.summary


@pytest.mark.long
def test_a_kernel_that_the_machines_owner_signed_boots_where_the_key_is_enrolled(
    tmp_path: Path,
) -> None:
    needs(SHIM, GRUB)
    bare = tmp_path / "bare"
    bare.write_bytes(fetch(KERNEL).path.read_bytes())
    subprocess.run(["sbattach", "--remove", bare], check=True)
    kernel, certificate = with_own_key(tmp_path, bare)
    said = refused(booted(str(kernel), "uefi-shim", fail_on=("bad shim signature",)))
    assert f"shim refuses the kernel ({kernel})" in said
    assert said.endswith("whom neither shim nor db knows")
    variables = with_machine_owner_key(tmp_path, "MokList", certificate)
    trace = booted(str(kernel), "uefi-shim", idle_s=60.0, timeout_s=500.0, firmware_vars=variables)
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.machine and trace.machine.secure_boot and trace.kernel
    assert trace.proof.compared_bytes == trace.kernel.header.payload_length


@pytest.mark.long
def test_shims_key_manager_waits_for_a_person_where_a_key_is_to_be_enrolled(
    tmp_path: Path,
) -> None:
    needs(SHIM, MANAGER, SYSTEMD)
    _, certificate = with_own_key(tmp_path, SYSTEMD)
    image = disk(tmp_path, {FALLBACK: SHIM, "EFI/BOOT/mmx64.efi": MANAGER})
    variables = with_machine_owner_key(tmp_path, "MokNew", certificate)
    judgement = judge(booted(image, firmware_vars=variables))
    assert judgement.verdict is Verdict.BAD
    assert judgement.cause == "boot-manager-error", judgement.summary
    assert judgement.summary.endswith('it says "Failed to delete MokNew"')


@pytest.mark.long
def test_shim_is_told_which_versions_are_too_old(tmp_path: Path) -> None:
    needs(SHIM)
    level = tmp_path / "level.csv"
    level.write_text("sbat,1,2099010100\nshim,99\n")
    said = refused(booted(disk(tmp_path, {FALLBACK: SHIM}), sbat_level=str(level)))
    assert "shim refuses itself: its SBAT generation (sbat,1 shim," in said


@pytest.mark.long
def test_shim_that_finds_no_second_program_refuses_nothing(tmp_path: Path) -> None:
    needs(SHIM)
    judgement = judge(booted(disk(tmp_path, {FALLBACK: SHIM})))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "efi-gave-up")
    assert "there was no \\EFI\\BOOT\\grubx64.efi" in judgement.summary
