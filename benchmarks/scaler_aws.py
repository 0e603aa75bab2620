"""A cluster of many APIs behind HTTPS, whose calls take as long as those of AWS: what the scaler's benchmark calls."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from pathlib import Path
from typing import Any

import botocore
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from cortex_cdk.autoscaling import BUCKET_S, TICK_S, History, Policy, rollout
from cortex_cdk.scaler import state
from cortex_cdk.scaler.json_client import AwsError
from cortex_cdk.scaler.service_tags import Strategy, parse
from cortex_cdk.scaler.services import UPDATES_A_TICK
from cortex_cdk.scaler.state import State, Stored
from tests.support.aws import NEW, TABLE, FakeAws

LATENCY_S = {"DynamoDB": 0.015, "AmazonEC2ContainerService": 0.05}
REPLICAS = 3
EVENTS = [{"id": "0" * 36, "createdAt": NEW, "message": "(service x) has reached a steady state." * 3}] * 100
"""ECS sends the latest 100 events with each service, and cannot be told not to."""

TYPICAL = Policy(max_replicas=1000)
RICHEST = Policy(max_replicas=1000, upscale_window_s=20, queue_drain_period_s=30)
"""What it takes most to decide by."""


class Account(FakeAws):
    """A cluster of ``apis`` APIs that have run for long, whose load is known for ``ticks`` ticks from ``NEW`` on.

    Args:
        busy: all counts change at every tick, by the richest policy; else as many as a tick can update, by a typical
            one.
    """

    def __init__(self, apis: int, ticks: int, *, busy: bool) -> None:
        super().__init__()
        policy = RICHEST if busy else TYPICAL
        for number in range(apis):
            self._add(f"api-{number}", policy, ticks, grows=busy or number < UPDATES_A_TICK)
        self._of_api: dict[str, dict[tuple[str, str], Any]] = {}
        for key, item in self.items.items():
            self._of_api.setdefault(key[0], {})[key] = item
        self.calls.clear()

    def _add(self, name: str, policy: Policy, ticks: int, *, grows: bool) -> None:
        self.add_service(name, policy, desired=REPLICAS, events=EVENTS)
        service = self.service(name)
        maximum, minimum = rollout(Strategy(), REPLICAS)
        service["deploymentConfiguration"] |= {"maximumPercent": maximum, "minimumHealthyPercent": minimum}
        for bucket in range(-30, ticks + 1):
            in_flight = round(1.25 ** max(bucket + 10, 0), 3) if grows else 1.0
            for replica in range(REPLICAS):
                self.report(name, NEW + BUCKET_S * bucket, in_flight, f"ip-10-0-12-{replica}.eu-west-1.internal")
        for key, item in self.items.items():
            if key[0] == f"load#{name}":
                item |= {"queued": {"N": "0.25"}, "arrived": {"N": "40"}, "served": {"N": "38"}}
        history = History()
        for tick in range(-8, 0):
            history = history.recorded(NEW + TICK_S * tick + 5.123, REPLICAS - tick)
        slot = state.slot_of(NEW) - 1
        identity = f"{service['serviceArn']} {service['createdAt']:.0f}"
        fingerprint = parse({tag["key"]: tag["value"] for tag in service["tags"]}).fingerprint
        former = State(slot=slot, desired=REPLICAS, history=history, service=identity, policy=fingerprint)
        state.claim(self, TABLE, name, former, Stored(), "former", NEW, float("inf"))

    def _Query(self, request: dict[str, Any]) -> dict[str, Any]:
        everything = self.items
        self.items = self._of_api[request["ExpressionAttributeValues"][":pk"]["S"]]
        try:
            return super()._Query(request)
        finally:
            self.items = everything

    def _Calls(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"calls": len(self.calls)}


async def serve(account: Account, folder: Path) -> None:
    """Serve until cancelled; the first line printed is the URL, and ``folder / "ca.pem"`` has what proves it."""

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
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=600)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=_tls(folder))
    await site.start()
    print(f"https://localhost:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


def _tls(folder: Path) -> ssl.SSLContext:
    """With a new certificate, put among all those that a client of AWS has to read."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(secret + pem)
    (folder / "ca.pem").write_bytes((Path(botocore.__file__).parent / "cacert.pem").read_bytes() + pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "key.pem")
    return context
