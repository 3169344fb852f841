"""What the cells of one kernel that fail have in common, as a sentence of diagnosis."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from bootharness.gate.axes import axes, varying
from bootharness.plan import NET_PATHS
from bootharness.runs.result import CellResult

__all__ = ["patterns"]


def patterns(results: Iterable[CellResult]) -> tuple[str, ...]:
    """Return a sentence for each kernel of which the failing boots say more than each alone.

    Boots that were not found out about are left out.
    """
    by_kernel: dict[str, list[CellResult]] = defaultdict(list)
    for result in results:
        if result.as_expected is not None:
            by_kernel[result.cell.kernel].append(result)
    sentences = (
        f"{kernel}: {sentence}"
        for kernel, known in by_kernel.items()
        for sentence in _sentences(known)
    )
    return tuple(sentences)


def _sentences(results: list[CellResult]) -> Iterator[str]:
    failed = [each for each in results if not each.as_expected]
    if not failed or len(results) < 2:
        return
    causes = {each.decisive.cause for each in failed}
    same = f" ({causes.pop()})" if len(causes) == 1 and None not in causes else ""
    names = [name for name in varying(each.cell for each in results) if name != "until"]
    if len(failed) == len(results):
        over = " and ".join(_plural(name) for name in names)
        if over:
            yield f"all {over} fail{same}, so it is the kernel{_unless_same_path(names)}"
        return
    for name in names:
        bad = {axes(each.cell)[name] for each in failed}
        good = {axes(each.cell)[name] for each in results} - bad - {""}
        if "" in bad or not good:
            continue
        if all(not each.as_expected for each in results if axes(each.cell)[name] in bad):
            values = _listed(bad)
            if name == "path":
                boot = "boots" if len(good) == 1 else "boot"
                yield f"only {values} {_verb(bad)}{same}; {_listed(good)} {boot} it{_so(bad, good)}"
            else:
                yield f"only {name} {values} {_verb(bad)}{same}, not {_listed(good)}"


def _so(bad: set[str], good: set[str]) -> str:
    """What failing paths say about who is to blame, where they do."""
    network = {*NET_PATHS}
    if bad == {"mbr"}:
        return ", so it is the loader"
    if bad <= network and good - network:
        one = f"{_listed(bad)} or the network" if good & network else "the network boot"
        return f", so it is {one}, not the kernel"
    if bad == {"direct"}:
        return ", so it is how QEMU itself loads a kernel"
    if good == {"direct"}:
        return ", so the kernel runs once it is loaded right: it is what BIOS loaders do with it"
    if bad == {"grub"}:
        return ", so it is GRUB"
    if bad <= {"mbr", "grub", "direct"} and good <= network:
        return ", so it is what is loaded from a disk"
    return ""


def _unless_same_path(names: list[str]) -> str:
    return "" if "path" in names else " or what all of them have in common"


def _plural(name: str) -> str:
    return {"memory": "sizes of memory", "QEMU": "versions of QEMU"}.get(name, f"{name}s")


def _verb(values: set[str]) -> str:
    return "fails" if len(values) == 1 else "fail"


def _listed(values: set[str]) -> str:
    first, *others = sorted(values, reverse=True)
    return f"{', '.join(sorted(others))} and {first}" if others else first
