"""What the cells of a kernel that fail have in common, as a sentence of diagnosis."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from bootharness.gate.axes import axes, varying
from bootharness.gate.groups import kernels_said
from bootharness.plan import OPTIONS
from bootharness.routes.table import ROUTES
from bootharness.runs.result import CellResult

__all__ = ["patterns"]


def patterns(results: Iterable[CellResult]) -> tuple[str, ...]:
    """Return what the failing boots of a kernel say together more than each alone: a sentence for
    all kernels of which it is the same.

    Boots that were not found out about are left out.
    """
    by_kernel: dict[str, list[CellResult]] = defaultdict(list)
    for result in results:
        if result.as_expected is not None:
            by_kernel[result.cell.kernel].append(result)
    kernels: dict[str, list[str]] = defaultdict(list)
    for kernel, known in by_kernel.items():
        for sentence in _sentences(known):
            kernels[sentence].append(kernel)
    every = [*by_kernel]
    return tuple(f"{kernels_said(same, every)}: {said}" for said, same in kernels.items())


def _sentences(results: list[CellResult]) -> Iterator[str]:
    failed = [each for each in results if not each.as_expected]
    if not failed or len(results) < 2:
        return
    causes = {each.decisive.cause for each in failed}
    same = f" ({causes.pop()})" if len(causes) == 1 and None not in causes else ""
    names = [
        name for name in varying(each.cell for each in results) if not name.startswith("until")
    ]
    if len(failed) == len(results):
        over = " and ".join(_plural(name) for name in names)
        if over:
            whose = "what was brought" if _brought(results) else "the kernel"
            yield f"all {over} fail{same}, so it is {whose}{_unless(names, same)}"
        return
    for name in names:
        bad = {axes(each.cell)[name] for each in failed}
        good = {axes(each.cell)[name] for each in results} - bad - {""}
        if "" in bad or not good:
            continue
        if all(not each.as_expected for each in results if axes(each.cell)[name] in bad):
            values = _listed(bad)
            if name == "route" and (said := _by_firmware(bad, good, same)):
                yield said
            elif name == "route":
                boot = "boots" if len(good) == 1 else "boot"
                yield f"only {values} {_verb(bad)}{same}; {_listed(good)} {boot} it{_so(bad, good)}"
            elif name == "host":
                yield _by_host(bad, good, same)
            elif name == "firmware":
                boot = "boots" if len(good) == 1 else "boot"
                yield f"only {values} {_verb(bad)}{same}; {_listed(good)} {boot} it"
            elif name == "loader":
                bad, good = _by_name(bad, good)
                yield (
                    f"only loader {_listed(bad)} {_verb(bad)}{same}, not {_listed(good)}, so it is "
                    "the loader"
                )
            else:
                title = OPTIONS[name].title
                yield f"only {title} {values} {_verb(bad)}{same}, not {_listed(good)}"


def _by_host(bad: set[str], good: set[str], same: str) -> str:
    """Say it of machines, real ones and QEMU."""
    failing, booting = (
        _listed({each.removeprefix("on ") for each in names}) for names in (bad, good)
    )
    if len(good) < len(bad):
        verb = "passes" if len(good) == 1 else "pass"
        return f"only {booting} {verb}; {failing} {_verb(bad)}{same}"
    return (
        f"only {failing} {_verb(bad)}{same}; {booting} {'boots' if len(good) == 1 else 'boot'} it"
    )


def _by_firmware(bad: set[str], good: set[str], same: str) -> str:
    """Say it of routes that do the same by two firmwares."""
    if any(ROUTES[name].twin not in good for name in bad):
        return ""
    one, other = (ROUTES[next(iter(names))].firmware.upper() for names in (bad, good))
    return f"only {one} fails{same}; {other} boots it{_so(bad, good)}"


def _by_name(bad: set[str], good: set[str]) -> tuple[set[str], set[str]]:
    """Return files without their folders, where their names tell them apart."""
    names = [{each.rpartition("/")[2] for each in values} for values in (bad, good)]
    return (names[0], names[1]) if len(names[0] | names[1]) == len(bad | good) else (bad, good)


def _so(bad: set[str], good: set[str]) -> str:
    """What failing routes say about who is to blame, where they do."""
    if good == {"direct"}:
        return ", so the kernel runs once it is loaded right: it is what BIOS loaders do with it"
    failing, booting = ([ROUTES[name] for name in names] for names in (bad, good))
    blamed, cleared = ({each.blame for each in routes} for routes in (failing, booting))
    if len(blamed) == 1:
        [blame] = blamed
        if blame in cleared:
            blame = f"{_listed(bad)} or {blame}"
        from_network = failing[0].from_network
        return f", so it is {blame}" + (", not the kernel" if from_network else "")
    if all(each.from_network for each in booting) and not any(
        each.from_network for each in failing
    ):
        return ", so it is what is loaded from a disk"
    return ""


def _unless(names: list[str], same: str) -> str:
    """What else it may be: what did not differ, and what came to several ends as well."""
    return "" if "route" in names and same else " or what all of them have in common"


def _brought(results: list[CellResult]) -> bool:
    """Whether somebody brought all that is booted, and the kernel is only a part of it."""
    return not any("cmdline" in ROUTES[each.cell.plan.route].takes for each in results)


def _plural(name: str) -> str:
    title = OPTIONS[name].title
    return {"memory": "sizes of memory", "QEMU": "versions of QEMU"}.get(title, f"{title}s")


def _verb(values: set[str]) -> str:
    return "fails" if len(values) == 1 else "fail"


def _listed(values: set[str]) -> str:
    first, *others = sorted(values, reverse=True)
    return f"{', '.join(sorted(others))} and {first}" if others else first
