"""One tick of the scaler over 500 APIs: how long it takes, what CPU, and how much memory.

AWS is played by a process of its own, which answers each call after the time that AWS takes. A Lambda of 256 MB has
256/1769 of a core (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html), so that the CPU time counts
seven times there.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

from aiohttp import web
from rich.console import Console
from rich.table import Table

from cortex_cdk.autoscaling import Policy, rollout
from cortex_cdk.scaler.json_client import AwsError, connect
from cortex_cdk.scaler.service_tags import Strategy
from cortex_cdk.scaler.settings import Settings
from cortex_cdk.scaler.tick import Scaler
from tests.support.aws import CLUSTER, NEW, TABLE, FakeAws

APIS, REPLICAS, TICKS = 500, 3, 6
LATENCY_S = {"DynamoDB": 0.015, "AmazonEC2ContainerService": 0.05}
LAMBDA_CORES = 256 / 1769
EVENTS = [{"id": "0" * 36, "createdAt": NEW, "message": "(service x) has reached a steady state." * 3}] * 100


def run(console: Console) -> None:
    """Measure and print."""
    table = Table("", "tick", "CPU", "CPU / (256/1769)", "calls", title=f"One tick, {APIS} APIs of {REPLICAS} replicas")
    peak = 0.0
    for title, load in (("counts stay", "steady"), ("every count changes; 40 are updated a tick", "changing")):
        measured = _measure(load)
        for name, ticks in ((f"{title}: first tick of a process", measured[:1]), (title, measured[1:])):
            wall, cpu = (statistics.median(tick[key] for tick in ticks) for key in ("seconds", "cpu"))
            calls = statistics.median(tick["calls"] for tick in ticks)
            table.add_row(name, f"{wall:.2f} s", f"{cpu:.2f} s", f"{cpu / LAMBDA_CORES:.2f} s", f"{calls:.0f}")
        peak = max(peak, measured[-1]["peak_mb"])
    console.print(table)
    latencies = ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in LATENCY_S.items())
    console.print(f"A call takes: {latencies}. Peak memory of the process (RSS): {peak:.0f} MB")


def _measure(load: str) -> list[dict[str, float]]:
    """Run the ticks in a process of their own, against AWS in another."""
    command = [sys.executable, "-m", "benchmarks.scaler"]
    with subprocess.Popen([*command, "aws", load], stdout=subprocess.PIPE, text=True) as aws:
        assert aws.stdout is not None
        try:
            url = aws.stdout.readline().strip()
            keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "eu-west-1"}
            environment = os.environ | keys | {"AWS_ENDPOINT_URL": url}
            done = subprocess.run(
                [*command, "ticks", load], env=environment, capture_output=True, text=True, check=False
            )
        finally:
            aws.terminate()
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _ticks() -> None:
    """Run the ticks; a line for each."""
    aws = connect()
    lines: list[str] = []
    now = NEW + 5.0
    scaler = Scaler(Settings(cluster=CLUSTER, table=TABLE), aws, clock=lambda: now, write=lines.append)
    calls = 0
    for _ in range(TICKS):
        now += 10
        lines.clear()
        wall, cpu = time.perf_counter(), time.process_time()
        scaler.tick()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        errors = json.loads(lines[-1])["Errors"]
        if errors or len(lines) != APIS + 1:
            found = [json.loads(line) for line in lines]
            first = next((line.get("error", line["message"]) for line in found if line["level"] == "error"), "")
            raise RuntimeError(f"{errors} errors, {len(lines)} lines: {first}; {found[-1]['message']}")
        before, calls = calls, aws.ecs.call("Calls", {})["calls"] - 1
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        print(json.dumps({"seconds": wall, "cpu": cpu, "calls": calls - before, "peak_mb": peak_mb}))
    scaler.close()


class _Account(FakeAws):
    """A cluster of many APIs, whose load is known for the ticks to come."""

    def __init__(self, load: str) -> None:
        super().__init__()
        policy = Policy(max_replicas=100, downscale_stabilization_period_s=0)
        for number in range(APIS):
            name = f"api-{number}"
            self.add_service(name, policy, desired=REPLICAS, events=EVENTS)
            maximum, minimum = rollout(Strategy(), REPLICAS)
            percents = {"maximumPercent": maximum, "minimumHealthyPercent": minimum}
            self.service(name)["deploymentConfiguration"] |= percents
            for bucket in range(-9, TICKS + 1):
                busy = 1.0 if load == "steady" else 1.0 + 0.5 * (bucket + 10)
                for replica in range(REPLICAS):
                    self.report(name, NEW + 10 * bucket, busy, f"ip-10-0-12-{replica}.internal")

        self._of_api: dict[str, dict[tuple[str, str], Any]] = {}
        for key, item in self.items.items():
            self._of_api.setdefault(key[0], {})[key] = item

    def _Query(self, request: dict[str, Any]) -> dict[str, Any]:
        everything = self.items
        self.items = self._of_api[request["ExpressionAttributeValues"][":pk"]["S"]]
        try:
            return super()._Query(request)
        finally:
            self.items = everything

    def _Calls(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"calls": len(self.calls)}


async def _serve(load: str) -> None:
    account = _Account(load)

    async def answer(request: web.Request) -> web.Response:
        service, _, operation = request.headers["X-Amz-Target"].partition(".")
        delay = next((seconds for name, seconds in LATENCY_S.items() if service.startswith(name)), 0.0)
        body = await request.json()
        await asyncio.sleep(delay)
        try:
            return web.json_response(account.call(operation, body))
        except AwsError as error:
            return web.json_response({"__type": error.code, **error.answer}, status=400)

    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["aws", load]:
            asyncio.run(_serve(load))
        case ["ticks", _]:
            _ticks()
        case _:
            run(Console(width=None if sys.stdout.isatty() else 110))
