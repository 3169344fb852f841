"""Behind which instruction a guest is off that switches itself off.

QEMU stops such a guest when its main thread comes to that, some instructions or some millions
later, and when it plays it, after another number of them: only up to there it can be gone to.
"""

from bootharness.recording.player import Player

__all__ = ["switched_off"]

_BACK = 1, 8, 64, 64, 64, 64


def switched_off(player: Player) -> int:
    """Return behind how many instructions a guest, which is off, has switched itself off.

    Raises MachineLost where QEMU does not play it.
    """
    found = player.position
    for back in _BACK:
        begun = max(found - back, 0)
        player.seek_anew(begun)
        if _off(player):
            found = min(player.position, found - 1)
            continue
        while player.position < found:
            player.stub.step()
            if _off(player):
                return player.position
    return found


def _off(player: Player) -> bool:
    """Return whether it is, which QEMU tells of a guest that stands still at its next answer."""
    _ = player.position, player.position
    return player.off
