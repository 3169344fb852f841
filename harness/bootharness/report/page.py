"""What all HTML pages have in common: one style, and drawings in its colours."""

import html
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootharness.errors import ToolMissing
from bootharness.report.legend import LEGEND

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Palette", "drawing", "drawn", "new_figure", "rendered"]

_HERE = Path(__file__).parent


class Palette:
    """Colours that matplotlib accepts, each of which stands for a variable of the page's style."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def __getitem__(self, variable: str) -> str:
        """Return the colour that stands for a variable: ``--ink``."""
        return self._names.setdefault(variable, f"#{len(self._names) + 1:02x}0102")

    def applied(self, svg: str) -> str:
        """Return a drawing with the variables in place of their colours."""
        for variable, colour in self._names.items():
            svg = svg.replace(colour, f"var({variable})")
        return svg


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure, its size in inches. Raises ToolMissing without matplotlib."""
    try:
        from matplotlib.figure import Figure  # takes longer to import than to draw
    except ImportError as error:
        raise ToolMissing(
            "a chart is drawn by matplotlib, which is not installed: "
            "pip install 'bootharness[plots]' brings it"
        ) from error
    return Figure(figsize=(width, height), layout="constrained")


def drawn(draw: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
    """Return drawings for a page, or in their place why there is none."""
    try:
        return draw()
    except ToolMissing as error:
        return (f"<p>No chart: {html.escape(str(error))}.</p>",)


def drawing(figure: "Figure", palette: Palette, label: str, *, narrow: bool = False) -> str:
    """Return a figure as SVG for an HTML file; ``label`` is for those who cannot see it.

    A page has each figure twice, and shows the ``narrow`` one on a phone. The same figure gives
    the same bytes.
    """
    from matplotlib import rc_context

    text = StringIO()
    salt = f"{label}{narrow}"  # two drawings in one page must not have the same ids
    with rc_context({"svg.fonttype": "none", "font.family": "sans-serif", "svg.hashsalt": salt}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    svg = text.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # nothing refers to them, and both drawings have them
    kind = "narrow" if narrow else "wide"
    begin = f'<svg role="img" aria-label="{label}" class="{kind}" '
    return palette.applied(svg).replace("<svg ", begin, 1)


def rendered(template: Path, values: Mapping[str, Any]) -> str:
    """Return a page: a Jinja template with values, and what all pages have: a style, the meaning
    of our words, how commands are copied, and when it was made. What the template does not call
    safe is escaped."""
    import jinja2  # takes a while to import, and most results are not drawn

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    shared = {
        "css": (_HERE / "page.css").read_text(),
        "copy_script": (_HERE / "copy.js").read_text(),
        "legend": LEGEND,
        "made_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    return environment.from_string(template.read_text()).render(**shared, **values)
