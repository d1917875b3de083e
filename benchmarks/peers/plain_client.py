"""What is usually written: AsyncOpenAI, tenacity, a semaphore, and a line of JSON for each reply. Resumes by reading its file.

`python plain_client.py URL TEXTS OUT`
"""

import asyncio
import json
import sys
from pathlib import Path

import openai
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential


async def main(url: str, rows: list, done: set, out: Path) -> None:
    client = openai.AsyncOpenAI(base_url=url, api_key="plain")
    gate = asyncio.Semaphore(64)

    @retry(
        wait=wait_random_exponential(min=1, max=20),
        stop=stop_after_attempt(6),
        retry=retry_if_exception_type(openai.APIError),
    )
    async def ask(messages: list) -> str:
        reply = await client.chat.completions.create(model="gpt-4o-mini", messages=messages, max_completion_tokens=900)
        return reply.choices[0].message.content or ""

    with out.open("a") as kept:

        async def label(row: dict) -> None:
            async with gate:
                answer = await ask(row["messages"])
            kept.write(json.dumps({"id": row["id"], "answer": answer}) + "\n")
            kept.flush()

        await asyncio.gather(*(label(row) for row in rows if row["id"] not in done), return_exceptions=True)


kept = Path(sys.argv[3])
lines = kept.read_text().splitlines() if kept.exists() else []
texts = [json.loads(line) for line in Path(sys.argv[2]).read_text().splitlines()]
asyncio.run(main(sys.argv[1], texts, {json.loads(line)["id"] for line in lines if line.endswith("}")}, kept))
