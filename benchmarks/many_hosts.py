"""What ten and a thousand hosts would ask of the services that they share.

    python benchmarks/many_hosts.py

A simulation of the parts that grow with the number of hosts. How long one heartbeat of a labelling process takes where so many
others share the limit; and how much processor time the Prefect server takes for what each worker asks of it all the time: which
runs are due, and that it is there. What hosts do to each other otherwise is in `two_hosts.py`.
"""

import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
from results_page import processor_name, processor_seconds, table, write_results

from feedback_model.labelling.peers import INTERVAL
from feedback_model.store.clock import read_clock
from feedback_model.store.connection import open_store
from feedback_model.store.locks import ATTENDANCE, heartbeat
from feedback_model.store.tables import lease
from tests.databases import postgres_programs, running_cluster
from tests.local_service import LocalService, feedback_up

PEERS = (1, 10, 100, 1_000)
TIMES = 50
ASKED = 300
QUERY_SECONDS, BEAT_SECONDS = 10, 30  # between questions and heartbeats of a worker, in our settings
GROUP = "limit"


def heartbeats() -> list[list[object]]:
    """Time a heartbeat among so many peers of other hosts."""
    programs = postgres_programs()
    if programs is None:
        sys.exit("PostgreSQL is not installed")
    rows: list[list[object]] = []
    with running_cluster(programs) as cluster:
        for peers in PEERS:
            cluster.create(url := cluster.new_url())
            with closing(open_store(url)) as store:
                with store.write() as connection:
                    until = read_clock(connection).timestamp() + 3_600
                    owners = [f"host-{number}:1:elsewhere/1/{number}/0" for number in range(peers)]
                    members = [
                        {"name": f"{GROUP}/{owner}", "owner": owner, "token": "", "expires_at": until}
                        for owner in owners
                    ]
                    connection.execute(lease.insert(), members)
                assert heartbeat(store, GROUP) == peers
                began = time.perf_counter()
                for _ in range(TIMES):
                    heartbeat(store, GROUP)
                each = (time.perf_counter() - began) / TIMES
            rows.append([f"{peers:,}", f"{1000 * each:.1f}", f"{each * peers / INTERVAL:.2f}"])
    return rows


def questions(service: LocalService) -> list[list[object]]:
    """Take the server's processor time for what a worker asks."""
    [pid] = [
        one.pid
        for one in psutil.Process(service.pid).children(recursive=True)
        if "deployments.local.prefect_server" in one.cmdline() and "feedback_model.process_guard" not in one.cmdline()
    ]
    server = psutil.Process(pid)
    due = _seconds(server, service, "work_pools/cpu/get_scheduled_flow_runs", {"work_queue_names": []})
    beat = _seconds(
        server, service, "work_pools/cpu/workers/heartbeat", {"name": "host", "heartbeat_interval_seconds": 30}
    )
    pools = 2
    return [
        [
            f"{hosts:,}",
            f"{1000 * due:.1f}",
            f"{1000 * beat:.1f}",
            f"{hosts * pools * (due / QUERY_SECONDS + beat / BEAT_SECONDS):.2f}",
        ]
        for hosts in (1, 10, 1_000)
    ]


def _seconds(server: psutil.Process, service: LocalService, path: str, body: dict[str, object]) -> float:
    before = server.cpu_times()
    for _ in range(ASKED):
        service.call("POST", path, body)
    after = server.cpu_times()
    return (after.user + after.system - before.user - before.system) / ASKED


def main() -> None:
    began = processor_seconds()
    beats = heartbeats()
    with tempfile.TemporaryDirectory() as folder, feedback_up(Path(folder) / "home") as service:
        asked = questions(service)
    body = f"""# Many hosts

{processor_name()}, two cores. Labelling processes under one limit look every {INTERVAL:g} s how many they are;
one that was silent for {ATTENDANCE:g} s is not counted. Each reads all, so what they ask together grows with the square.

{table(["labelling processes", "one heartbeat, ms", "cores for all"], beats)}

A worker of each of two pools asks every {QUERY_SECONDS} s what is due, and says every {BEAT_SECONDS} s that it is there;
of the server's processor that takes

{table(["hosts", "a question, ms", "a heartbeat, ms", "cores for all"], asked)}
"""
    write_results("many_hosts", ["prefect", "sqlalchemy", "psycopg"], processor_seconds() - began, body)


if __name__ == "__main__":
    main()
