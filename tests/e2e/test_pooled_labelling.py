"""Labelling by three processes on a PostgreSQL behind PgBouncer in transaction mode."""

from contextlib import closing

from tests.labelling_rig import bill, filled_store, settings_for, start_labelling, states
from tests.local_service import HANGS
from tests.openai_rig.process import serving
from tests.pgbouncer import pooling


def test_three_processes_label_through_a_pooler(tmp_path, postgres_url):
    """All three end well, see all done, and buy nothing twice."""
    with serving(delay=0.01) as url, pooling(postgres_url) as database_url:
        settings = settings_for(tmp_path, url, concurrency=4).model_copy(update={"database_url": database_url})
        with closing(filled_store(settings, 300)) as store:
            processes = [start_labelling(settings) for _ in range(3)]
            for process in processes:
                process.communicate(timeout=HANGS)
            assert [process.returncode for process in processes] == [0, 0, 0]
            assert states(store) == {("done", None): 300}
        assert set(bill(url).values()) == {1}
