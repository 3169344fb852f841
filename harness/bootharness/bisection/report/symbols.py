"""What a hunt through configurations has found, in rows for any report."""

from collections.abc import Iterator

from msgspec import Struct

from bootharness.bisection.config_answer import ConfigAnswer, Guilty
from bootharness.text import count, printable

__all__ = ["SymbolTable", "symbol_table"]

_SYMBOLS_HEAD = ("symbol", "good", "bad", "what it is")
_GROWTH_HEAD = ("payload", "symbols")

_MOST_SYMBOLS = 40


class SymbolTable(Struct, frozen=True):
    """Rows under their headings, and what there is to know about them."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def symbol_table(config: ConfigAnswer, most: int) -> SymbolTable:
    """Return the guilty symbols; or, where no symbol is, which made the kernel grow, up to
    ``most`` rows."""
    if config.growth:
        rows, notes = _growth_rows(config, most), (_growth_note(config), *_searches(config))
        return _table("Growth, the most first", _GROWTH_HEAD, rows, notes)
    return _table("Symbols", _SYMBOLS_HEAD, _symbol_rows(config), (*_searches(config),))


def _table(
    title: str, head: tuple[str, ...], rows: list[tuple[str, ...]], notes: tuple[str, ...]
) -> SymbolTable:
    shown = tuple(tuple(map(printable, row)) for row in rows)
    return SymbolTable(title, head, shown, tuple(map(printable, notes)))


def _symbol_rows(config: ConfigAnswer) -> list[tuple[str, ...]]:
    return [
        (each.name, each.good, each.bad, _described(each))
        for group in (config.guilty, *config.others)
        for each in group[:_MOST_SYMBOLS]
    ]


def _described(symbol: Guilty) -> str:
    prompt = f"“{symbol.prompt}”" if symbol.prompt else ""
    choice = f"one of the choice at {symbol.choice}" if symbol.choice else ""
    return ", ".join(part for part in (prompt, symbol.where, choice) if part)


def _growth_rows(config: ConfigAnswer, most: int) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        (f"{each.bytes:+,} bytes",
         each.first if each.symbols == 1
         else f"{count(each.symbols, 'symbol')}, {each.first} to {each.last}")
        for each in config.growth[:most]
    ]  # fmt: skip
    rest = config.growth[most:]
    if rest:
        symbols = sum(each.symbols for each in rest)
        rows.append(
            (f"{sum(each.bytes for each in rest):+,} bytes", count(symbols, "other symbol"))
        )
    return rows


def _growth_note(config: ConfigAnswer) -> str:
    return (
        f"sizes of kernels built along one way from {config.good} to {config.bad}, symbol by "
        "symbol in Kconfig's order: a symbol is given what it adds, compressed, to those before "
        "it, which in another order may be more or less; of several symbols in one line no kernel "
        "between was built"
    )


def _searches(config: ConfigAnswer) -> Iterator[str]:
    boots = f"{count(config.boots, 'boot')} to find it, experiments not counted"
    yield f"{count(config.differing, 'symbol')} differed; {boots}"
    if config.unknown:
        unknown = count(len(config.unknown), "symbol")
        yield f"the tree does not know {unknown}: {', '.join(config.unknown[:_MOST_SYMBOLS])}"
