"""The routes from a folder of boot files that somebody brought, served as it stands.

    folder --asked for by--> boot program, its configuration, kernel, initrd, whatever comes next

Whom which file is named is said by the person, or seen by the names that boot programs always have;
what the others are for is seen when they are asked for.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import UsageError
from bootharness.host.kept import digest_of
from bootharness.host.workspace import Workspace
from bootharness.machine.device import Firmware
from bootharness.network.addresses import SERVER6_HOST, SERVER_HOST
from bootharness.network.answers import Answers, read_answers
from bootharness.network.file_tree import FileTree
from bootharness.network.flaw import TAKEN_OVER_HTTP
from bootharness.plan import BootPlan
from bootharness.plan.fault import OF_HTTPS
from bootharness.routes.boot_file import boot_rules, is_script
from bootharness.routes.medium import Medium
from bootharness.routes.net_check import OF_EVERY_NETWORK, check_certificate, check_net
from bootharness.routes.net_image import NetImage, card_of
from bootharness.routes.net_route import net_route
from bootharness.routes.route import Route

__all__ = ["NET_ROOT", "NET_ROOTS", "NetRoot"]

NET_ROOT = "net-root"
_OVER_HTTP = "uefi-http-root"
_FIRMWARE: dict[str, Firmware] = {NET_ROOT: "bios", "uefi-net-root": "uefi", _OVER_HTTP: "uefi"}
# what has another file in the place of one of ours
_OURS = ("script-error", "nbp-hang")


class NetRoot(Struct, frozen=True):
    """A folder of boot files, and its name as it was given."""

    path: Path
    source: str

    @property
    def sha256(self) -> str:
        """The digest of all that is in it, in hex."""
        return digest_of(self.path)


def _fetch(source: str) -> NetRoot:
    return NetRoot(FileTree(Path(source)).root, source)


def _expand(source: str) -> list[str]:
    _fetch(source)
    return [source]


def _image(root: NetRoot, plan: BootPlan) -> NetImage:
    """Return what a plan serves of a folder.

    Raises UsageError for a fault that could never act, and where it is not known what to boot.
    """
    tree, firmware = FileTree(root.path), _FIRMWARE[plan.route]
    answers = _answers(tree, plan)
    rules = answers.rules
    sizes = {}
    for fault in plan.net.faults.all:
        if fault.kind in _OURS:
            raise UsageError(f"network fault {fault}: {root.source} has files of its own")
        if fault.kind in OF_HTTPS and not plan.net.https_cert:
            raise UsageError(
                f"network fault {fault}: nothing comes over HTTPS here: give a certificate and its "
                "key with --https-cert"
            )
        if plan.route == _OVER_HTTP and fault.is_of_tftp:
            raise UsageError(f"network fault {fault}: nothing comes over TFTP on {plan.route}")
        if fault.names_file:
            if tree.find(fault.file) is None:
                raise UsageError(
                    f"network fault {fault}: {root.source} has no {fault.file}: say file=NAME"
                )
            content = tree.open(fault.file)
            sizes[fault.file] = len(content) if content is not None else 0
    nic = "virtio" if plan.net.nic == "auto" else plan.net.nic
    # a firmware runs no script; the card's iPXE does
    rom = firmware == "bios" or all(is_script(tree, rule.file) for rule in rules)
    over_http = plan.route == _OVER_HTTP
    versions = {"4": (4,), "6": (6,), "both": (4, 6)}[plan.net.ip]
    return NetImage(
        plan.route,
        card_of(plan, firmware, nic, rom=rom and not over_http, pxe=() if over_http else versions),
        tree,
        rules,
        sizes,
        root=Path(root.source),
        redirects=answers.redirects,
    )


def _answers(tree: FileTree, plan: BootPlan) -> Answers:
    """Return whom which file is named: as somebody says, or as is found."""
    if plan.net.answers:
        return read_answers(Path(plan.net.answers))
    rules = boot_rules(tree, _FIRMWARE[plan.route], plan.net.bootfile)
    if plan.route != _OVER_HTTP:
        return Answers(rules)
    first = rules[-1]
    if not first.file.lower().endswith(TAKEN_OVER_HTTP):
        raise UsageError(
            f"--bootfile {first.file}: over HTTP a UEFI takes only what is called "
            f"{', '.join(TAKEN_OVER_HTTP)}, whatever is in it: give it such a name"
        )
    url = f"http://[{SERVER6_HOST}]/" if plan.net.ip == "6" else f"http://{SERVER_HOST}/"
    return Answers(tuple(replace(each, file=url + quote(each.file.lstrip("/"))) for each in rules))


def _refuse(plan: BootPlan) -> None:
    """Raise UsageError for what cannot be, whatever the folder has."""
    check_net(plan, _FIRMWARE[plan.route])
    check_certificate(plan)
    if plan.net.answers:
        if plan.net.bootfile:
            raise UsageError(
                f"--net-answers {plan.net.answers} and --bootfile {plan.net.bootfile}: the first "
                "says what is named to whom; give one of them"
            )
        read_answers(Path(plan.net.answers))


def _prepare(root: NetRoot, plan: BootPlan, workspace: Workspace) -> AbstractContextManager[Medium]:
    from bootharness.routes.net import on_network  # sockets, servers, threads: most do without

    return on_network(_image(root, plan), plan, workspace)


_TWINS = {NET_ROOT: "uefi-net-root", "uefi-net-root": NET_ROOT, _OVER_HTTP: NET_ROOT}


def _route(name: str, summary: str) -> Route:
    return net_route(
        name,
        summary,
        _FIRMWARE[name],
        {
            *("bootfile", "answers", "ip", "vlan", "https_cert", *OF_EVERY_NETWORK),
            *(("nic_vlan",) if _FIRMWARE[name] == "uefi" else ()),
        },
        blame="what the folder has",
        prepare=_prepare,
        expand=_expand,
        fetch=_fetch,
        refuse=_refuse,
        twin=_TWINS[name],
        boots_folder=True,
    )


NET_ROOTS = (
    _route(NET_ROOT, "a folder of boot files as it stands, over DHCP, TFTP and HTTP"),
    _route("uefi-net-root", "UEFI: the same, by the firmware's own PXE"),
    _route(_OVER_HTTP, "UEFI: the same over HTTP alone, without PXE and TFTP"),
)
