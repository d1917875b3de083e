"""Documentation that can be wrong is tested: commands, files, links and versions."""

import re
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.cli import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
COMMANDS = [
    "demo",
    "land",
    "run",
    "label",
    "labels",
    "augment",
    "train",
    "evaluate",
    "prove-augmentation",
    "report",
    "score",
    "results",
    "champion",
    "up",
    "doctor",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_contract_explains_itself(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert "--help" in shown.output


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_lists_every_command(command: str) -> None:
    assert f"| `feedback {command}" in README


def test_the_command_line_has_no_command_the_readme_leaves_out() -> None:
    listed = re.findall(r"^  ([\w-]+) ", CliRunner().invoke(app, ["--help"]).output.split("Commands:")[1], re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)


def test_every_entry_of_the_annotated_tree_exists() -> None:
    tree = README.split("## Where everything is")[1].split("```")[1]
    folder = ROOT
    for line in tree.strip().splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            folder = ROOT / name
        assert (folder if not line.startswith(" ") else folder / name).exists(), name


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        name for page in PAGES for name in re.findall(r"`?make ([a-z-]+)`?(?=`|\s+#|\n```|$)", page.read_text("utf-8"))
    }
    assert named <= targets, named - targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


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


def test_help_loads_neither_prefect_nor_torch() -> None:
    import subprocess
    import sys

    heavy = ["prefect", "torch", "transformers", "datasets", "openai", "sqlalchemy", "polars", "altair", "wandb"]
    code = f"import sys, deployments.cli; print([name for name in {heavy} if name in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_flows_load_no_torch() -> None:
    import subprocess
    import sys

    code = "import sys, flows.retrain, flows.land; print('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        == "False"
    )
