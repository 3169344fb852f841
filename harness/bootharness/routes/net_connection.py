"""One guest's connection to the network, as a boot watches it."""

from collections.abc import Iterable
from pathlib import Path

from bootharness.diagnosis.certainty import Wait, last_asked, still_awaited
from bootharness.formats.bzimage import SetupHeader
from bootharness.kernels.image import KernelImage
from bootharness.machine.kept_back import KeptBack
from bootharness.machine.machine import Machine
from bootharness.network.arrived import Arrived
from bootharness.network.file_tree import FileTree
from bootharness.network.files import Content
from bootharness.network.namespace import Namespace
from bootharness.network.network import Network, Plug
from bootharness.network.threshold import Answered, Threshold
from bootharness.network.wire import Wire
from bootharness.routes.initrd import Initrd
from bootharness.routes.net_image import Card, NetImage
from bootharness.routes.seen_files import SeenFiles
from bootharness.trace.network_facts import NetEventKind, NetworkFacts

__all__ = ["MAC", "Connection"]

_LOOK_S = 0.25
MAC = "52:54:00:12:34:{:02x}"
"""The guests' addresses, by port."""


class Connection:
    """A plug, and what is behind it. The cable is pulled as the faults say."""

    def __init__(
        self,
        network: Network,
        plug: Plug,
        image: NetImage,
        servers: tuple[Namespace, ...] = (),
    ) -> None:
        self._network = network
        self._plug = plug
        self._image = image
        self._servers = servers
        self._said: tuple[str, ...] = ()
        brought = image.files
        self._seen = SeenFiles(brought) if isinstance(brought, FileTree | Arrived) else None
        self._up = True
        self._unplugged = image.card.others
        self._looked_at = 0.0
        self.kept_back = KeptBack()

    def started(self, launched: float) -> None:
        """Note that QEMU has its end of the socket, and when it was launched, on the monotonic
        clock."""
        self._plug.started(launched)
        for server in self._servers:
            server.started()

    def keep_waiting(self) -> None:
        """Keep the guest waiting, once, when it asks the network for something."""
        self._plug.keep_waiting()

    def claim(self) -> bool:
        """Return whether the guest waits, and have it wait until `let_go_on`."""
        return self._plug.claim()

    def sent(self) -> Threshold:
        """Return all that a guest that waits has sent by now."""
        return self._plug.sent()

    def let_go_on(self) -> None:
        """Answer what the guest has asked for."""
        self._plug.let_go_on()

    def replay(self, early: Iterable[Answered], asking: Iterable[bytes]) -> bool:
        """Take what a guest had sent before it was saved, and return whether it would be answered
        now as it was then."""
        return self._plug.replay(early, asking)

    @property
    def card(self) -> Card:
        """The guest's network card."""
        return self._image.card

    def capture(self, path: Path) -> None:
        """Write every frame to a pcap file from now on."""
        self._network.capture(path)

    @property
    def faults_cost_s(self) -> float:
        """For how long the faults may keep a boot that gets over them, in seconds."""
        return self._network.wire.faults.cost_s(self._image.sizes)

    @property
    def capture_lost(self) -> str:
        """Why the frames were not written, empty if they were."""
        return self._network.capture_lost

    @property
    def has_ipv6(self) -> bool | None:
        """Whether there is IPv6 on the wire, None of somebody's own servers, which may have it."""
        wire = self._network.wire
        return wire.ipv6 if isinstance(wire, Wire) else None

    @property
    def logs(self) -> dict[str, Path]:
        """What the servers of somebody's own said, by the names of files to keep it in."""
        numbered = enumerate(self._servers, 1)
        return {f"server-{at}-{each.setup.name}.log": each.log for at, each in numbered}

    def check(self) -> None:
        """Raise WireLost when the network does not work any more, ServerLost when a server has
        ended: that is no guest's fault."""
        self._plug.check()
        for server in self._servers:
            server.check(begun=self.frames > 0)

    def fileno(self) -> int:
        """The file descriptor that is readable when something has happened."""
        return self._plug.news_fd

    @property
    def frames(self) -> int:
        """How many frames have come from the guest so far."""
        return self._network.wire.frames(self._plug.port)

    def look(self, machine: Machine) -> NetworkFacts | None:
        """Return the facts if there is news, and now and then, for silence tells something too.

        Raises WireLost when the network does not work any more.
        """
        self.check()
        for number in range(len(self._unplugged)):
            machine.qmp.execute("set_link", name=f"unplugged{number}", up=False)
        self._unplugged = ()
        up = self._network.link_wanted(self._plug)
        if up != self._up:
            machine.qmp.execute("set_link", name="net0", up=up)
            self._plug.note(NetEventKind.LINK_UP if up else NetEventKind.LINK_DOWN, text="set_link")
            self._up = up
        now = machine.now()
        if not self._plug.take_news() and now - self._looked_at < _LOOK_S:
            return None
        self._looked_at = now
        self.kept_back.note(now, machine.qemu.starved_seconds())
        return self.facts()

    def awaited(self, now: float, asked_after: float = 0.0) -> Wait | None:
        """Return what the client still asks for and may still get, None where there is nothing that
        it asked for ``asked_after`` a moment."""
        return still_awaited(self.facts(), now, asked_after, self.kept_back.since)

    def sleep_s(self) -> float:
        """Return for how long a script of iPXE's may sleep at once, in seconds."""
        return self._seen.sleep_s(self.facts().files) if self._seen else 0.0

    def progress(self) -> tuple[float, int]:
        """Return what changes as long as the client asks for files and gets them."""
        facts = self.facts()
        return last_asked(facts), sum(file.sent_bytes for file in facts.files)

    def facts(self) -> NetworkFacts:
        """Return what is known of the network now."""
        card, events, files = self._image.card, self._plug.events(), self._plug.files()
        if self._seen:
            files = self._seen.roles(files, events)
            events = self._seen.with_who_named(events, files)
        return NetworkFacts(
            path=self._image.path,
            firmware=card.firmware,
            nic=card.nic,
            server=", ".join(map(str, self._servers)) or "wire",
            mac=card.mac or "",
            roles=self._image.roles or {each.role: each.name for each in files if each.role},
            root=str(self._image.root or ""),
            servers=self._image.servers,
            said=self._said,
            faults=tuple(map(str, self._network.wire.faults.all)),
            events=events,
            files=files,
            frames=self.frames,
            dropped=self._plug.dropped,
            events_left_out=self._plug.events_left_out,
        )

    def open(self, name: str) -> Content | None:
        """Return what is in a file that is served, None where there is none."""
        found = self._image.files.find(name)
        return self._image.files.open(found) if found else None

    def beside(self, name: str, suffix: str) -> Path | None:
        """Return the file of somebody's folder that has another suffix than one that is served,
        None where there is none."""
        if not isinstance(self._image.files, FileTree):
            return None
        return self._image.files.path(str(Path(name).with_suffix(suffix)))

    @property
    def brought(self) -> bool:
        """Whether somebody brought what is served."""
        return self._seen is not None

    def loaded(
        self, entered: SetupHeader | None, release: str | None
    ) -> tuple[KernelImage | None, Initrd | None]:
        """Return the kernel that came over the wire, of several the one that was ``entered`` or
        whose banner came, of ``release``, and the initrd that goes with one that was entered."""
        if self._seen is None:
            return None, None
        files = self.facts().files
        initrd = self._seen.initrd(files, entered) if entered else None
        return self._seen.kernel(files, entered, release), initrd

    def finish(self) -> None:
        """Close the books at the end of the boot. Raises WireLost as `look` does; a server may
        have ended by then."""
        self._plug.check()
        complaints = [(each.setup.name, each.complaint()) for each in self._servers]
        self._said = tuple(f"{name}: {words}" for name, words in complaints if words)
        self._network.finish(self._plug)
