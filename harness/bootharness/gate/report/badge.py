"""A gate as a badge: a small SVG file that needs nothing else."""

from html import escape

from bootharness.gate.outcome import GateOutcome, Standing

__all__ = ["badge"]

_SAYS = {
    Standing.GOOD: ("accepted", "#1a7a43"),
    Standing.WARNING: ("accepted, with warnings", "#8a5a00"),
    Standing.UNKNOWN: ("undecided", "#6b3fa0"),
    Standing.BAD: ("refused", "#b3261e"),
}
_LETTER, _EDGE = 7, 8
"""In pixels: about as wide as a letter of 11 pixels' height is, and the room beside a text."""


def badge(outcome: GateOutcome) -> str:
    """Return a badge: whether the gate has accepted its kernels."""
    said, colour = _SAYS[outcome.standing]
    left, right = (2 * _EDGE + _LETTER * len(text) for text in ("boot gate", said))
    label = escape(f"boot gate: {said}")
    texts = "".join(
        f'<text x="{x}" y="14" text-anchor="middle">{escape(text)}</text>'
        for x, text in ((left / 2, "boot gate"), (left + right / 2, said))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f'aria-label="{label}"><title>{label}</title>'
        f'<rect width="{left}" height="20" fill="#3a3f47"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">{texts}</g>'
        "</svg>\n"
    )
