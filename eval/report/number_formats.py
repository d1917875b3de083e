"""Number formats of the report: fixed decimals, real minus signs, a dash where there is nothing."""

from eval.report.data import Cell
from feedback_model import sizes

ABSENT = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"


def show_points(value: Cell) -> str:
    """Show score points, or their square: two decimals."""
    return ABSENT if value is None else _with_minus(f"{float(value):.2f}")


def show_change(value: Cell) -> str:
    """Show a difference in score points squared, with its sign."""
    return ABSENT if value is None else _with_minus(f"{float(value):+.2f}")


def show_rate(value: Cell) -> str:
    """Show a share between 0 and 1 in per cent; never rounded up to 100 nor down to 0."""
    if value is None:
        return ABSENT
    percent = 100 * float(value)
    return f"{percent:.0f}%" if percent in (0, 100) else f"{min(99.9, max(0.1, percent)):.1f}%"


def show_share(count: int, total: int) -> str:
    """Show a share of a total in per cent; a dash where the total is zero."""
    return show_rate(count / total if total else None)


def show_rate_change(value: Cell) -> str:
    """Show a difference of two shares, in percentage points."""
    return ABSENT if value is None else _with_minus(f"{100 * float(value):+.1f}")


def show_count(value: Cell) -> str:
    """Show a whole number, thousands apart."""
    return ABSENT if value is None else f"{int(value):,}"


def show_chance(value: Cell) -> str:
    """Show a p-value."""
    if value is None:
        return ABSENT
    return "<0.001" if float(value) < 0.001 else f"{float(value):.3f}"


def show_dollars(value: Cell) -> str:
    """Show US dollars, to a hundredth of a cent: labels cost fractions of one."""
    return ABSENT if value is None else f"{float(value):,.4f}"


def show_seconds(value: Cell) -> str:
    """Show seconds, one decimal."""
    return ABSENT if value is None else f"{float(value):,.1f}"


def show_size(value: Cell) -> str:
    """Show bytes."""
    return ABSENT if value is None else sizes.show_size(float(value))


def show_score(value: Cell) -> str:
    """Show a score, 1 to 10; a predicted one may be an expectation between two."""
    return ABSENT if value is None else f"{float(value):.3g}"


def show_choice(value: Cell) -> str:
    """Show a field of a recipe as the user would write it."""
    return ABSENT if value is None else _with_minus(str(value))


def _with_minus(text: str) -> str:
    unsigned = text.lstrip("+-")
    if not unsigned.strip("0."):
        return unsigned
    return text.replace("-", _MINUS)
