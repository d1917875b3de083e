"""A limit that is cut to half and then raised to four times as much: how soon does our labelling follow?

`python benchmarks/labelling_moving_limit.py`; one core, nine minutes. Not collected by pytest.
The stand-in for OpenAI's API (`tests/openai_rig`) moves its limits while the run goes on, and tells them in headers or does not.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from results_page import processor_seconds, table, write_results

from tests.labelling_rig import filled_store, settings_for, start_labelling, totals_of
from tests.openai_rig.process import serving

MINUTE: Final = 60.0
LIMITS: Final = ((0.0, 3_000), (60.0, 1_500), (120.0, 6_000))  # seconds after the first request, requests per minute
END: Final = 240.0
DOCUMENTS: Final = 17_000
PARTS: Final = ((0, 10), (10, 20), (20, 40), (40, 60))  # seconds after a change


def watch(url: str) -> list[tuple[float, int, int]]:
    """Seconds since the first request, replies and refusals, about every half second until the end."""
    while not totals_of(url)["requests"]:
        time.sleep(0.05)  # between two looks at the bill
    started, seen = time.monotonic(), [(0.0, 0, 0)]
    while seen[-1][0] < END:
        total = totals_of(url)
        seen.append((time.monotonic() - started, total["completions"], total["rejected"]))
        time.sleep(0.5)  # between two looks at the bill
    return seen


def between(seen: list[tuple[float, int, int]], start: float, end: float) -> tuple[float, int]:
    """Replies per minute and refusals between two moments."""
    first = min(seen, key=lambda each: abs(each[0] - start))
    last = min(seen, key=lambda each: abs(each[0] - end))
    return MINUTE * (last[1] - first[1]) / (last[0] - first[0]), last[2] - first[2]


def run(folder: Path, headers: str) -> list[tuple[float, int, int]]:
    schedule = ",".join(f"{at:g}:{limit}/0" for at, limit in LIMITS[1:])
    rig = {"answers": "canned", "latency_median": 0.6, "requests_per_minute": LIMITS[0][1], "limit_headers": headers}
    with serving(limit_schedule=schedule, **rig) as url:
        settings = settings_for(folder, url, timeout=60, concurrency=256)
        settings = settings.model_copy(update={"label_model": "gpt-4o-mini"})
        filled_store(settings, DOCUMENTS).close()
        process = start_labelling(settings)
        seen = watch(url)
        process.terminate()
        process.communicate()
        return seen


def rows_of(told: str, seen: list[tuple[float, int, int]]) -> list[list[str]]:
    rows = []
    for at, limit in LIMITS[1:]:
        end = next((later for later, _ in LIMITS if later > at), END)
        spans = [*(span for span in PARTS if at + span[1] <= end), (10, end - at)]
        shares = [f"{between(seen, at + start, at + stop)[0] / limit:.0%}" for start, stop in spans]
        rows.append([told, f"{limit:,}", *shares, str(between(seen, at, end)[1])])
    return rows


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            *rows_of("told in headers", run(Path(folder) / "told", "both")),
            *rows_of("not told", run(Path(folder) / "untold", "none")),
        ]
    spans = [f"{start}-{stop} s after" for start, stop in PARTS]
    body = f"""# Labelling under a limit that moves

{(__doc__ or "").splitlines()[0]}

From {LIMITS[0][1]:,} requests a minute to {LIMITS[1][1]:,} after 60 s and to {LIMITS[2][1]:,} after 120 s.
What of the new limit was used:

{table(["the limit is", "requests a minute from then on", *spans, "from 10 s on", "refused"], rows)}

Aim: the new limit is used from 10 s on. Kept where headers tell it, and where it falls. A raised limit that nobody tells is found
by trying only, which is refused when nothing was raised: trying often enough for 10 s would cost more than the 0.2% of refusals
that are aimed for, so it takes about a minute.
"""
    write_results("labelling_moving_limit", ["openai", "aiohttp"], processor_seconds(), body)


if __name__ == "__main__":
    main()
