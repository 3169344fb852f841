"""Who refused what under Secure Boot."""

from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.machine_facts import MachineFacts
from bootharness.trace.signed_file import FileSignature, SignedFile
from bootharness.trace.uefi_calls import UefiCall

BOOTX64, GRUBX64 = "\\EFI\\BOOT\\BOOTX64.EFI", "\\EFI\\BOOT\\grubx64.efi"
SECURE = MachineFacts("qemu", "7.2", "tcg", "q35", "ahci", 512 << 20, (), bios=None,
                      firmware="uefi", secure_boot=True)  # fmt: skip
BY_DEBIAN = FileSignature("Debian signer", "Debian CA", intact=True)
DENIED = UefiCall("LoadImage", 3.0, status=1 << 63 | 15, path=f"PciRoot(0x0)/{BOOTX64}")
DISK = UefiCall("protocol", 1.0, path="Sata", text="SimpleFileSystem")


def said(*files: SignedFile, calls: tuple[UefiCall, ...] = (), serial: str = "") -> str:
    trace = BootTrace(
        "disk.img", "banner", Ending("boot-manager", 9.0, "nothing left"), route="uefi-disk",
        machine=SECURE, uefi_calls=(DISK, *calls), serial=serial, signed_files=files,
    )  # fmt: skip
    judgement = judge(trace)
    assert judgement.cause == "secure-boot-refused", judgement.summary
    assert "efi-refused" not in [each.cause for each in judgement.consequences]
    return judgement.summary


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
