"""500 chat calls, 25 at once, against a stub endpoint of 200 ms in a process of its own: how near to the ideal?

Ideal is calls / concurrency * latency. Prints ratios: first to last call (seen from here and from the endpoint), the
whole process, and how late streamed text reaches the caller.

    python benchmarks/runner.py [--calls 500] [--concurrency 25] [--latency 0.2]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from llmopt_core.cache import MemoryCache  # noqa: E402
from llmopt_core.execution.concurrency import map_concurrently  # noqa: E402
from llmopt_core.models.base import ChatRequest, Completion, ModelSpec  # noqa: E402
from llmopt_core.models.endpoints import Endpoint  # noqa: E402
from llmopt_core.models.registry import Models  # noqa: E402
from llmopt_core.settings import Settings  # noqa: E402
from llmopt_core.types import Failure, Message  # noqa: E402

SPEC = ModelSpec(endpoint="stub", name="stub-large")


@contextmanager
def stub(latency: float) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.stub_endpoint", "0", "--delay", str(latency)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def control(url: str, path: str, values: dict[str, object] | None = None) -> dict[str, float]:
    data = None if values is None else json.dumps(values).encode()
    request = urllib.request.Request(url.removesuffix("/v1") + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def models_for(url: str, concurrency: int) -> Models:
    endpoint = Endpoint(name="stub", base_url=url, max_concurrency=concurrency)
    return Models(Settings(home=Path(tempfile.mkdtemp())), MemoryCache(), {"stub": endpoint})


async def many_calls(url: str, calls: int, concurrency: int) -> float:
    started = ended = 0.0
    async with models_for(url, concurrency) as models:
        chat = models.chat(SPEC)

        async def ask(number: int) -> Completion:
            nonlocal started, ended
            request = ChatRequest((Message("user", f"Question {number}"),), SPEC)
            started = started or time.perf_counter()
            completion = await chat.complete(request)
            ended = time.perf_counter()
            return completion

        results = await map_concurrently(range(calls), ask, concurrency=concurrency)
    failed = [result for result in results if isinstance(result, Failure)]
    assert not failed, failed[0]
    return ended - started


async def stream_delays(url: str, streams: int) -> list[float]:
    """Seconds from the endpoint's writing of each word to the caller's hearing it; the reply's words are times."""
    delays: list[float] = []

    def hear(text: str) -> None:
        delays.extend(time.time() - float(word) for word in text.split())

    async with models_for(url, streams) as models:

        async def ask(number: int) -> Completion:
            request = ChatRequest((Message("user", f"Stream {number}"),), SPEC)
            return await models.chat(SPEC).complete(request, hear)

        await map_concurrently(range(streams), ask, concurrency=streams)
    return sorted(delays)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--concurrency", type=int, default=25)
    parser.add_argument("--latency", type=float, default=0.2)
    chosen = parser.parse_args()
    ideal = chosen.calls / chosen.concurrency * chosen.latency
    with stub(chosen.latency) as url:
        cpu = time.process_time()
        seconds = asyncio.run(many_calls(url, chosen.calls, chosen.concurrency))
        cpu = time.process_time() - cpu
        seen = control(url, "/stats")
        print(f"ideal                      {ideal:6.2f} s")
        print(f"first to last call, here   {seconds:6.2f} s   {seconds / ideal:.3f} x ideal")
        print(f"first to last call, there  {seen['span']:6.2f} s   {seen['span'] / ideal:.3f} x ideal")
        print(
            f"{seen['calls']:.0f} calls, at most {seen['peak']:.0f} at once, "
            f"{1e3 * cpu / chosen.calls:.2f} ms CPU per call, imports included"
        )
        control(url, "/control", {"delay": 0.0, "reply": "clock", "stream_pause": 0.02})
        delays = asyncio.run(stream_delays(url, 4))
        middle, worst = delays[len(delays) // 2], delays[-1]
        late = f"median {1e3 * middle:.1f} ms late, at most {1e3 * worst:.1f} ms"
        print(f"4 streams, {len(delays)} words heard {late}")


if __name__ == "__main__":
    main()
