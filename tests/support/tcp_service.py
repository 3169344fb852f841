"""What serves a connection in tests, without a socket."""

__all__ = ["Service"]


class Service:
    """What serves the connection: it says ``said`` and hears up to ``room`` bytes at a time."""

    def __init__(self, said: bytes, room: int = 1 << 16, *, stays: bool = False) -> None:
        self.said = said
        self.room = room
        self.stays = stays
        self.heard = b""
        self.finished = self.closed = False

    def read(self, most: int) -> bytes | None:
        piece, self.said = self.said[:most], self.said[most:]
        return None if self.stays and not piece else piece

    def write(self, data: bytes) -> int:
        self.heard += data[: self.room]
        return len(data[: self.room])

    def finish(self) -> None:
        self.finished = True

    def close(self) -> None:
        self.closed = True
