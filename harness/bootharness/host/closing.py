"""What has to be closed, and is by the end of a `with`."""

from types import TracebackType
from typing import Self

__all__ = ["Closing"]


class Closing:
    """Base of what has a `close` and is its own context manager."""

    def close(self) -> None:
        """Give back whatever is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
