"""Documentation that can be wrong is tested: commands, files, links and versions."""

import re
import runpy
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app
from feedback_model.records.labels import AttemptOutcome, RequestState
from tests.documented_blocks import PAGES, ROOT, RUNNABLE, SHOWN, blocks, runnable

README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
GENERATOR = runpy.run_path(str(ROOT / "docs" / "generate.py"))
COMMANDS = [
    "demo",
    "land",
    "forget",
    "run",
    "label",
    "labels",
    "augment",
    "train",
    "evaluate",
    "prove-augmentation",
    "report",
    "score",
    "serve",
    "export",
    "results",
    "champion",
    "up",
    "token",
    "backup",
    "restore",
    "share",
    "housekeeping",
    "status",
    "doctor",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_contract_explains_itself(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert "--help" in shown.output


def test_command_line_has_only_documented_commands() -> None:
    listed = re.findall(r"^  ([\w-]+) ", CliRunner().invoke(app, ["--help"]).output.split("Commands:")[1], re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)


@pytest.mark.parametrize("page", GENERATOR["PARTS"])
def test_generated_part_is_up_to_date(page: str) -> None:
    assert GENERATOR["rendered"](page) == (ROOT / page).read_text(encoding="utf-8"), "run `make docs`"


def test_readme_is_read_in_a_minute() -> None:
    assert len(README.splitlines()) <= 100


def test_every_figure_of_the_readme_was_measured() -> None:
    """The table of differences repeats figures of the page on benchmarks, and none of its own."""
    measured = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    rows = README.split("## How it differs")[1].split("\n## ")[0].splitlines()
    cells = [cell for row in rows for cell in row.split("|")[2:4] if row.startswith("| [")]
    figures = [figure for cell in cells for figure in re.findall(r"[\d.]+(?:-[\d.]+)?(?:%| ms)?", cell)]
    assert len(figures) >= 5
    assert [figure for figure in figures if figure not in measured] == []


def test_every_entry_of_the_annotated_tree_exists() -> None:
    tree = README.split("## Where everything is")[1].split("```")[1].split("\n", 1)[1]
    folder = ROOT
    for line in tree.strip().splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            folder = ROOT / name
        assert (folder if not line.startswith(" ") else folder / name).exists(), name


def test_named_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        name
        for page in PAGES
        for name in re.findall(r"`?make ([a-z0-9-]+)`?(?=`|\s+#|\n```|$)", page.read_text("utf-8"))
    }
    assert named <= targets, named - targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8"))
    dead = [link for link, _ in links if not (page.parent / link).exists()]
    targets = [(page.parent / link if link else page, anchor) for link, anchor in links if anchor]
    assert dead == []
    assert [anchor for target, anchor in targets if anchor not in _anchors(target)] == []


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_is_named_exists(page: Path) -> None:
    folders = "feedback_model|eval|tasks|flows|deployments|benchmarks|tests|docs"
    named = re.findall(rf"`((?:{folders})/[\w/.-]+)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_page_is_linked_from_the_readme() -> None:
    linked = set(re.findall(r"\]\((docs/[^)#]+)\)", README))
    pages = {str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "decisions"}
    assert pages - linked == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_block_is_run_or_says_why(page: Path) -> None:
    found = blocks(page)
    assert {block.language for block in found} <= {*RUNNABLE, *SHOWN}
    assert [block for block in found if block.reason and block.language not in RUNNABLE] == []
    assert page.read_text(encoding="utf-8").count("<!-- not run:") == sum(block.reason is not None for block in found)


def test_state_diagrams_name_the_states_of_the_code() -> None:
    page = (ROOT / "docs" / "explanation" / "labelling-protocol.md").read_text(encoding="utf-8")
    drawn = [set(re.findall(r"^    (\w+) -->", diagram, re.MULTILINE)) for diagram in page.split("stateDiagram-v2")[1:]]
    assert drawn == [set(get_args(RequestState)), set(get_args(AttemptOutcome))]


def test_every_query_stands_where_it_is_run() -> None:
    assert {block.page for block in runnable("sql")} == {"docs/results-database.md"}


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda page: page.stem)
def test_decision_has_its_status_and_date(page: Path) -> None:
    status = page.read_text(encoding="utf-8").splitlines()[2]
    assert re.fullmatch(r"(Accepted|Superseded by \d{4}), \d{4}-\d\d-\d\d\.", status)


def test_changelog_is_kept_in_its_form() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    versions = [line for line in lines if line.startswith("## ")]
    kinds = {line.removeprefix("### ") for line in lines if line.startswith("### ")}
    assert versions[0] == "## [Unreleased]"
    assert all(re.fullmatch(r"## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", line) for line in versions[1:])
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_changelog_knows_the_version() -> None:
    assert PROJECT["version"] in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_supported_pythons_are_said_alike() -> None:
    named = [
        f"3.{minor}" for minor in range(30) if f"Programming Language :: Python :: 3.{minor}" in PROJECT["classifiers"]
    ]
    assert PROJECT["requires-python"] == f">={named[0]},<3.{int(named[-1][2:]) + 1}"
    assert all(version in README for version in named)


def test_what_the_project_carries_is_listed() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    carried = [path.parent.relative_to(ROOT) for path in (ROOT / "tests").rglob("LICENSE*")]
    assert PROJECT["license"] == "Apache-2.0"
    assert all((ROOT / name).exists() for name in PROJECT["license-files"])
    assert [folder for folder in carried if str(folder) not in notice] == []
