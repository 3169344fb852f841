"""Lines and plugs that labgrid has drivers for: its exporters, places and reservations too.

labgrid takes a second to be imported, so that is done when one is named.
"""

from pathlib import Path
from typing import Any

from bootharness.errors import LineLost, PlugFailed, ToolMissing, UsageError
from bootharness.host.closing import Closing

__all__ = ["LabgridLine", "LabgridPlug"]

_MAIN = "main"
_READ_BYTES = 1 << 16
_targets: dict[str, Any] = {}
"""By what names them: line and plug of a machine are drivers of one target."""


def _target(spec: str) -> Any:
    """Return the target of ``ENV.yaml[:TARGET]``. Raises UsageError for what has none, ToolMissing
    without labgrid, LineLost where its resources are not to be had."""
    if spec in _targets:
        return _targets[spec]
    path, _, name = spec.rpartition(":") if not Path(spec).exists() else (spec, "", _MAIN)
    try:
        from labgrid import Environment, exceptions
    except ImportError as error:
        raise ToolMissing(
            f"labgrid:{spec}: labgrid is not installed: `pip install 'bootharness[labgrid]'` "
            "brings it"
        ) from error
    if not Path(path).is_file():
        raise UsageError(f"labgrid:{spec}: there is no file {path or spec}")
    try:
        target = Environment(path).get_target(name)
    except exceptions.InvalidConfigError as error:
        raise UsageError(f"labgrid:{spec}: {error.msg}") from error
    except Exception as error:
        raise LineLost(f"labgrid:{spec}: {_said(error)}") from error
    if target is None:
        raise UsageError(f"labgrid:{spec}: {path} has no target {name}")
    return _targets.setdefault(spec, target)


def _driver(spec: str, protocol: str) -> Any:
    target = _target(spec)
    from labgrid import exceptions

    try:
        driver = target.get_driver(protocol, activate=False)
    except exceptions.NoDriverFoundError as error:
        raise UsageError(f"labgrid:{spec}: its target has no {protocol}") from error
    target.activate(driver)
    return driver


def _said(error: BaseException) -> str:
    """Return what one of labgrid's many kinds of exceptions says."""
    return f"{getattr(error, 'msg', None) or error or type(error).__name__}".strip()


class LabgridLine(Closing):
    """The console of a target."""

    def __init__(self, spec: str) -> None:
        self.name = f"labgrid:{spec}"
        self._spec = spec
        try:
            self._driver = _driver(spec, "ConsoleProtocol")
        except (UsageError, ToolMissing, LineLost):
            raise
        except Exception as error:
            raise LineLost(f"{self.name}: {_said(error)}") from error

    def read(self, timeout_s: float) -> bytes:
        """Return what came, nothing after the time. Raises LineLost when the other side is gone."""
        from pexpect import TIMEOUT

        try:
            return bytes(self._driver.read(size=1, timeout=timeout_s, max_size=_READ_BYTES))
        except TIMEOUT:
            return b""
        except Exception as error:
            raise LineLost(f"{self.name}: {_said(error)}") from error

    def write(self, data: bytes) -> None:
        """Send bytes to the machine. Raises LineLost when the other side is gone."""
        try:
            self._driver.write(data)
        except Exception as error:
            raise LineLost(f"{self.name}: {_said(error)}") from error

    def close(self) -> None:
        """Give it back."""
        _targets[self._spec].deactivate(self._driver)


class LabgridPlug:
    """The power of a target."""

    def __init__(self, spec: str) -> None:
        self.name = f"labgrid:{spec}"
        try:
            self._driver = _driver(spec, "PowerProtocol")
        except (UsageError, ToolMissing):
            raise
        except Exception as error:
            raise PlugFailed(f"{self.name}: {_said(error)}") from error

    def set(self, on: bool) -> None:
        """Switch on or off. Raises PlugFailed where the driver fails."""
        try:
            self._driver.on() if on else self._driver.off()
        except Exception as error:
            raise PlugFailed(f"{self.name}: {_said(error)}") from error

    def state(self) -> bool | None:
        """Return whether it is on, None where its driver does not say."""
        if not hasattr(self._driver, "get"):
            return None
        try:
            return bool(self._driver.get())
        except NotImplementedError:
            return None
        except Exception as error:
            raise PlugFailed(f"{self.name}: {_said(error)}") from error

    def watts(self) -> float | None:
        """Return nothing: it does not say."""
        return None
