"""The code blocks of the documentation, and which of them are not run, and why."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks" / "README.md"])
RUNNABLE = ("bash", "python", "sql")
SHOWN = ("text", "mermaid", "ini", "yaml", "json")
_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>.+?) -->\n)?^```(?P<language>\S*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    page: str
    """Relative to the repository's root."""
    line: int
    language: str
    code: str
    reason: str | None
    """Why it is not run; None where it is."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    name = str(page.relative_to(ROOT))
    return [
        Block(name, text.count("\n", 0, found.start()) + 1, found["language"], found["code"], found["reason"])
        for found in _BLOCK.finditer(text)
    ]


def runnable(*languages: str, only: str = "") -> list[Block]:
    """The blocks in one of `languages` that are to be run, of every page or of `only` one."""
    found = [block for page in PAGES for block in blocks(page) if only in ("", str(page.relative_to(ROOT)))]
    return [block for block in found if block.language in languages and block.reason is None]
