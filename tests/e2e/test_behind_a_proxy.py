"""Commands that start a Prefect server and the embedded labeller, where the environment names a proxy for everything."""

from pathlib import Path

from feedback_model.demo.speech import write_demo_input
from tests.e2e.conftest import Installation
from tests.proxy import proxying


def test_labelling_here_asks_no_proxy(tmp_path: Path) -> None:
    """In a home folder, at that, whose name means something else in a URL."""
    write_demo_input(tmp_path / "new.jsonl", 20, 3)
    with proxying() as proxy:
        exceptions = {"NO_PROXY": "", "no_proxy": "", "PREFECT_API_URL": ""}
        installation = Installation(tmp_path / "what? a home #1%20", proxy.environment() | exceptions)
        for command in (("land", str(tmp_path / "new.jsonl")), ("label", "--labeller", "embedded", "--json")):
            ended = installation.run(*command)
            assert ended.returncode == 0, ended.stderr
    assert proxy.asked == []
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["what? a home #1%20"]
