"""Setup headers as kernels have them and as they break: what a prediction says of each field."""

from pathlib import Path

import pytest

from bootharness.diagnosis import Judgement, judge
from bootharness.errors import UsageError
from bootharness.formats.bzimage import header_fields
from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.plan import BootPlan
from bootharness.predictor.predict import predict
from tests.support.builders import patched_kernel

SIZES = {name: size for name, _, size in header_fields()}


def predicted(folder: Path, *, sectors: int = 8, until: str = "init", **fields: int) -> Judgement:
    """Return what a kernel with these fields in its header would come to with stage1."""
    kernel = selfcheck_kernel(200_000, setup_sects=sectors)
    for name, value in fields.items():
        kernel = patched_kernel(kernel, folder / name, size=SIZES[name], **{name: value})
    slack = folder / "bzImage"  # as a signature is
    slack.write_bytes(kernel.read_bytes() + bytes(1 << 17))

    return judge(predict(str(slack), BootPlan(until=until)))


@pytest.mark.parametrize("version", [0x204, 0x207, 0x209, 0x20A, 0x20B, 0x20C, 0x20E, 0x20F, 0x210])
def test_protocols_that_are_loaded(tmp_path: Path, version: int) -> None:
    assert predicted(tmp_path, version=version).cause is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("relocatable_kernel", 0),
        ("pref_address", 0),
        ("pref_address", 1 << 28),
        ("code32_start", 0),
        ("kernel_info_offset", 0),
        ("kernel_info_offset", 0xFFFFFFF0),
        ("payload_offset", 0xFFFFFFF0),
        ("handover_offset", 0),
        ("xloadflags", 0),
        ("kernel_version", 0xFFFF),
        ("min_alignment", 63),
        ("initrd_addr_max", 0xFFFFFFFF),
    ],
)
def test_fields_that_do_not_matter_to_a_loader(tmp_path: Path, field: str, value: int) -> None:
    assert predicted(tmp_path, **{field: value}).cause is None


@pytest.mark.parametrize(
    ("field", "value", "cause", "words"),
    [
        ("version", 0x203, "kernel-rejected", "2.03"),
        ("version", 0x200, "kernel-rejected", "2.00"),
        ("loadflags", 0, "kernel-rejected", "LOADED_HIGH"),
        ("setup_sects", 65, "kernel-rejected", "setup_sects is 65"),
        ("setup_sects", 255, "kernel-rejected", "setup_sects is 255"),
        ("cmdline_size", 0, "cmdline-wrong", "takes 0 (cmdline_size)"),
        ("cmdline_size", 2, "cmdline-wrong", "takes 2 (cmdline_size)"),
        ("syssize", 1 << 20, "payload-truncated", "syssize"),
        ("init_size", 1 << 30, "decompress-failed", "init_size"),
        ("pref_address", 1 << 30, "decompress-failed", "pref_address"),
    ],
)
def test_fields_that_do_matter_are_named(
    tmp_path: Path, field: str, value: int, cause: str, words: str
) -> None:
    judgement = predicted(tmp_path, sectors=64, **{field: value})
    assert judgement.cause == cause
    said = [judgement.summary, *(judgement.diagnosis.evidence if judgement.diagnosis else ())]
    assert words in " ".join(said)


@pytest.mark.parametrize("value", [0, 0xFFFFF, 0x130000])
def test_header_that_leaves_an_initrd_no_room_is_wrong_usage(tmp_path: Path, value: int) -> None:
    with pytest.raises(UsageError, match="initrd_addr_max"):
        predicted(tmp_path, initrd_addr_max=value)
    assert predicted(tmp_path, until="banner", initrd_addr_max=value).cause is None


@pytest.mark.parametrize("setup_sects", [4, 63, 64])
def test_setup_parts_that_are_loaded(tmp_path: Path, setup_sects: int) -> None:
    assert predicted(tmp_path, sectors=setup_sects).cause is None
