"""Who refused what under Secure Boot."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Judgement, judge
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.machine_facts import CpuSample, MachineFacts, PostMortem
from bootharness.trace.milestones import Milestone
from bootharness.trace.network_facts import NetworkFacts
from bootharness.trace.signed_file import FileSignature, SignedFile
from bootharness.trace.uefi_calls import UefiCall

pytestmark = pytest.mark.usefixtures("every_word")

BOOTX64, GRUBX64 = "\\EFI\\BOOT\\BOOTX64.EFI", "\\EFI\\BOOT\\grubx64.efi"
SECURE = MachineFacts("qemu", "7.2", "tcg", "q35", "ahci", 512 << 20, (), bios=None,
                      firmware="uefi", secure_boot=True)  # fmt: skip
BY_DEBIAN = FileSignature("Debian signer", "Debian CA", intact=True)
DENIED = UefiCall("LoadImage", 3.0, status=1 << 63 | 15, path=f"PciRoot(0x0)/{BOOTX64}")
DISK = UefiCall("protocol", 1.0, path="Sata", text="SimpleFileSystem")


def booted(*files: SignedFile, calls: tuple[UefiCall, ...] = (), **more: Any) -> BootTrace:
    trace = BootTrace(
        "disk.img", "banner", Ending("boot-manager", 9.0, "nothing left"), route="uefi-disk",
        machine=SECURE, uefi_calls=(DISK, *calls), signed_files=files,
    )  # fmt: skip
    return replace(trace, **more)


def causes(trace: BootTrace) -> list[str | None]:
    judgement = judge(trace)
    return [judgement.cause, *(each.cause for each in judgement.consequences)]


def refused(*files: SignedFile, calls: tuple[UefiCall, ...] = (), serial: str = "") -> Judgement:
    judgement = judge(booted(*files, calls=calls, serial=serial))
    assert judgement.cause == "secure-boot-refused", judgement.summary
    assert "efi-refused" not in [each.cause for each in judgement.consequences]
    return judgement


def said(*files: SignedFile, calls: tuple[UefiCall, ...] = (), serial: str = "") -> str:
    return refused(*files, calls=calls, serial=serial).summary


def signed(path: str = BOOTX64, *signatures: FileSignature, **more: object) -> SignedFile:
    return replace(SignedFile(path, "00" * 32, signatures, ("Microsoft CA",)), **more)


def test_the_firmware_says_whose_signature_it_does_not_know() -> None:
    begin = f"the firmware refuses {BOOTX64} (Access Denied): "
    assert said(signed(), calls=(DENIED,)) == f"{begin}it has no signature"
    assert said(signed(BOOTX64, BY_DEBIAN), calls=(DENIED,)) == (
        f"{begin}it is signed by Debian signer (issued by Debian CA), whom db does not know"
    )
    changed = signed(BOOTX64, replace(BY_DEBIAN, intact=False))
    assert said(changed, calls=(DENIED,)).endswith("(issued by Debian CA), but it has been changed "
                                                   "since")  # fmt: skip
    assert said(signed(revoked="digest"), calls=(DENIED,)).endswith("revoked (dbx)")
    assert said(signed(revoked="Debian CA"), calls=(DENIED,)).endswith("Debian CA is revoked (dbx)")


def test_shim_is_told_from_the_firmware() -> None:
    kernel = signed("vmlinuz", is_kernel=True)
    assert said(signed(), kernel, serial="error: bad shim signature.\n") == (
        'shim refuses the kernel (vmlinuz) (GRUB says "bad shim signature"): it has no signature'
    )
    box = "\xb3 Verification failed: (0x1A) Security Violation   \xb3\x1b[05;01H"
    assert said(signed(BOOTX64, BY_DEBIAN), signed(GRUBX64), serial=box) == (
        f"shim refuses {GRUBX64} (it says "
        '"Verification failed: (0x1A) Security Violation"): it has no signature'
    )


def test_a_generation_that_is_too_low_is_told_as_that() -> None:
    shim = signed(BOOTX64, BY_DEBIAN, sbat=("sbat,1", "shim,4"))
    words = "Verifying shim SBAT data failed: Security Policy Violation\n"
    assert said(
        shim, serial=f"{words}SBAT self-check failed: Security Policy Violation"
    ).startswith(
        "shim refuses itself: its SBAT generation (sbat,1 shim,4) is lower than the machine's"
    )


def test_without_secure_boot_nobody_is_said_to_refuse() -> None:
    trace = BootTrace(
        "disk.img", "banner", Ending("boot-manager", 9.0, ""), route="uefi-disk",
        machine=replace(SECURE, secure_boot=False), uefi_calls=(DISK, DENIED),
    )  # fmt: skip
    assert judge(trace).cause == "efi-refused"


def test_what_was_looked_at_is_the_evidence() -> None:
    other = FileSignature("Other signer", "Other CA", intact=False)
    judgement = refused(signed(BOOTX64, BY_DEBIAN, other), calls=(DENIED,))
    assert judgement.summary.endswith(
        "it is signed by Debian signer (issued by Debian CA) and Other signer (issued by Other "
        "CA), whom db does not know"
    )
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == (
        f"{BOOTX64}: SHA-256 {'00' * 32}, signed by Debian signer, intact, signed by Other signer, "
        "not intact",
        "db: Microsoft CA",
    )
    bare = refused(signed(trusted=()), calls=(DENIED,)).diagnosis
    assert bare
    assert bare.evidence == (f"{BOOTX64}: SHA-256 {'00' * 32}, not signed",)
    unread = refused(signed(GRUBX64), calls=(DENIED,))
    assert unread.summary == f"the firmware refuses {BOOTX64} (Access Denied)"
    assert unread.diagnosis
    assert unread.diagnosis.evidence == ()


def test_shim_knows_keys_of_its_own() -> None:
    kernel = signed("vmlinuz", BY_DEBIAN, is_kernel=True)
    begin = 'shim refuses the kernel (vmlinuz) (GRUB says "bad shim signature"): it is signed by '
    whom = "Debian signer (issued by Debian CA), whom neither shim nor db knows"
    assert said(kernel, serial="bad shim signature") == f"{begin}{whom}"
    assert said(signed(BOOTX64, BY_DEBIAN), serial="Security Violation") == (
        f'shim refuses {BOOTX64} (it says "Security Violation"): it is signed by {whom}'
    )
    unread = refused(signed(), serial="bad shim signature")
    assert unread.summary == 'shim refuses the kernel (GRUB says "bad shim signature")'


def test_shim_tells_of_a_generation_of_another() -> None:
    judgement = refused(signed(GRUBX64), serial="SBAT data failed: Security Policy Violation")
    assert judgement.summary == (
        f"shim refuses {GRUBX64}: its SBAT generation is lower than the machine's SBAT level asks "
        'for ("SBAT data failed: Security Policy Violation")'
    )
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == (
        f"{GRUBX64}: SHA-256 {'00' * 32}, not signed", "db: Microsoft CA",
    )  # fmt: skip


def test_what_was_refused_is_in_the_file_or_digest_that_is_revoked() -> None:
    assert said(signed(revoked="digest"), calls=(DENIED,)).endswith(
        "(Access Denied): its digest is among those that are revoked (dbx)"
    )


def test_a_start_is_refused_as_a_load_is() -> None:
    for call in (replace(DENIED, service="StartImage"), replace(DENIED, status=1 << 63 | 26)):
        assert said(signed(), calls=(call,)).startswith(f"the firmware refuses {BOOTX64} (")
    opened = replace(DENIED, service="Open")
    from_memory = replace(DENIED, path="MemoryMapped(0x0)")
    unsupported = replace(DENIED, status=1 << 63 | 3)
    for call in (opened, from_memory, unsupported):
        assert "secure-boot-refused" not in causes(booted(signed(), calls=(call,)))


def test_words_on_the_screen_are_read_as_well() -> None:
    cpu = CpuSample(1.0, 0, 0, 0, "long", halted=True, interrupts=True)
    screen = PostMortem("paused", cpu, "", 64, 0, "", "bad shim signature")
    assert judge(booted(post_mortem=screen)).cause == "secure-boot-refused"
    split = booted(serial="bad shim ", boot_screen="signature")
    assert "secure-boot-refused" not in causes(split)


def test_a_boot_that_got_to_a_kernel_was_not_refused() -> None:
    words: dict[str, Any] = {"serial": "bad shim signature"}
    assert "secure-boot-refused" in causes(booted(**words))
    for more in (
        {"ending": Ending("reached", 9.0)},
        {"milestones": (Milestone("banner", 2.0),)},
        {"network": NetworkFacts("grub-efi", "uefi", "virtio", "wire", "", {})},
        {"machine": None},
    ):
        assert "secure-boot-refused" not in causes(booted(**words, **more)), more
    assert "secure-boot-refused" not in causes(booted(serial="Security Violation"))
    assert "secure-boot-refused" not in causes(booted(signed(), serial="all is well"))
