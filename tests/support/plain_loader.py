"""The loader of loaders/plain.asm, right or with one of the mistakes that it knows."""

from pathlib import Path

from bootharness.routes.loader import Loader

__all__ = ["plain_loader"]

_SOURCE = Path(__file__).parent / "loaders/plain.asm"


def plain_loader(folder: Path, mistake: str = "", *, first: str = "") -> Loader:
    """Return it with a mistake of those that its source has as M_..., behind other code."""
    source = _SOURCE.read_text().replace("start:\n", f"start:\n{first}\n", 1)
    path = folder / f"{mistake or 'plain'}.asm"
    path.write_text(f"%define M_{mistake or 'NONE'}\n{source}")
    return Loader.read(path)
