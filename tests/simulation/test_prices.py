"""The list of prices, and lists of the user's own."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

from cortex_cdk.simulation.prices import PriceError, parse_price, read_prices


def test_the_list_is_dated_and_says_where_it_is_from() -> None:
    prices = read_prices()
    assert (prices.region, prices.currency) == ("us-east-1", "USD")
    assert prices.date is not None
    assert date.fromisoformat(prices.date) >= date(2026, 7, 20)
    assert prices.source is not None
    assert "https://" in prices.source


def test_instances_of_the_list() -> None:
    prices = read_prices()
    gpu = prices.instance("g4dn.xlarge")
    assert (gpu.price_per_hour, gpu.vcpus, gpu.memory_mib, gpu.gpus) == (0.526, 4, 16_384, 1)
    inferentia = prices.instance("inf1.6xlarge")
    assert (inferentia.gpus, inferentia.inferentia_chips) == (0, 4)
    for family in ("t3", "m5", "m6i", "m7i", "c5", "c6i", "c7i", "g4dn", "g5", "g6", "p3", "inf1"):
        assert any(name.startswith(f"{family}.") for name in prices.instances)
    for name, instance in prices.instances.items():
        assert re.fullmatch(r"[a-z0-9-]+\.([0-9]*x?large|nano|micro|small|medium)", name)
        assert instance.vcpus
        assert instance.memory_mib
        # A wrong digit would stand out: per vCPU all of these lie close together.
        assert 0.002 < instance.price_per_hour / instance.vcpus < 0.5


def test_prices_of_a_family_follow_its_sizes() -> None:
    prices = read_prices().instances
    for family in ("m5", "m6i", "m7i", "c5", "c6i", "r5"):
        per_cpu = {round(i.price_per_hour / (i.vcpus or 1), 6) for n, i in prices.items() if n.startswith(f"{family}.")}
        assert len(per_cpu) == 1


def test_unknown_types_name_similar_ones() -> None:
    with pytest.raises(PriceError, match=r"'g4dn.huge'; similar ones are g4dn.xlarge, g4dn.2xlarge.*USD per hour"):
        read_prices().instance("g4dn.huge")
    with pytest.raises(PriceError, match="no price for the instance type 'nonsense'; give"):
        read_prices().instance("nonsense")


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"currency": "EUR", "instances": {"my.box": {"price_per_hour": 2}}}))
    prices = read_prices(path)
    box = prices.instance("my.box")
    assert (prices.currency, prices.date, box.price_per_hour, box.vcpus, box.gpus) == ("EUR", None, 2.0, None, 0)
    with pytest.raises(PriceError, match=re.escape(str(path))):
        prices.instance("g4dn.xlarge")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "not JSON"),
        ("[]", "there are no instances in it"),
        ('{"instances": {}}', "there are no instances in it"),
        ('{"instances": {"a.b": 5}}', "instances: a.b: expected"),
        ('{"instances": {"a.b": {}}}', "price_per_hour: expected a number of 0 or more, found None"),
        ('{"instances": {"a.b": {"price_per_hour": -1}}}', "found -1"),
        ('{"instances": {"a.b": {"price_per_hour": true}}}', "found True"),
        ('{"instances": {"a.b": {"price_per_hour": NaN}}}', "found nan"),
        ('{"instances": {"a.b": {"price_per_hour": 1, "vcpus": 1.5}}}', "vcpus: expected a whole number, found 1.5"),
        ('{"instances": {"a.b": {"price_per_hour": 1, "price": 1}}}', "unknown keys: price"),
        ('{"date": 5, "instances": {"a.b": {"price_per_hour": 1}}}', "date: expected a text, found 5"),
    ],
)
def test_wrong_files(tmp_path: Path, document: str, message: str) -> None:
    path = tmp_path / "prices.json"
    path.write_text(document)
    with pytest.raises(PriceError) as caught:
        read_prices(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(PriceError, match="cannot be read: No such file"):
        read_prices(tmp_path / "no.json")


def test_prices_on_the_command_line() -> None:
    assert parse_price("0.526") == parse_price("$0.526") == 0.526
    for text in ("", "cheap", "-1", "nan", "inf"):
        with pytest.raises(PriceError, match="is not a number of 0 or more"):
            parse_price(text)


def test_prices_of_services_say_where_they_are_from() -> None:
    services = read_prices().services
    assert services["nat_gateway_hour"].price == 0.045
    for price in services.values():
        assert price.unit
        assert price.source is not None
        assert price.source.startswith("https://aws.amazon.com/")
        assert price.checked is None or date.fromisoformat(price.checked)


def test_services_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    document = {"instances": {"my.box": {"price_per_hour": 2}}, "services": {"log_gb": {"price": 1, "unit": "GB"}}}
    path.write_text(json.dumps(document))
    prices = read_prices(path)
    assert (prices.services["log_gb"].price, prices.services["log_gb"].source) == (1.0, None)
    prices.require(["my.box"], ["log_gb"])
    with pytest.raises(PriceError, match=r"prices are missing: instances has no a\.b, c\.d; services has no key_month"):
        prices.require(["my.box", "c.d", "a.b"], ["log_gb", "key_month"])
    with pytest.raises(PriceError, match=r"prices are missing: services has no key_month\. Copy "):
        prices.require([], ["key_month"])


@pytest.mark.parametrize(
    ("services", "message"),
    [
        ([], r"services: expected \{.*found \[\]"),
        ({"log_gb": 1}, r'services: log_gb: expected \{"price": ...\}, found 1'),
        ({"log_gb": {}}, "services: log_gb: price: expected a number of 0 or more, found None"),
        ({"log_gb": {"price": -1}}, "services: log_gb: price: expected a number of 0 or more, found -1"),
        ({"log_gb": {"price": True}}, "services: log_gb: price: expected a number of 0 or more, found True"),
        ({"log_gb": {"price": 1, "unit": 3}}, "unit: expected a text, found 3"),
        ({"log_gb": {"price": 1, "per": "GB"}}, "services: log_gb: unknown keys: per"),
    ],
)
def test_wrong_services(tmp_path: Path, services: object, message: str) -> None:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"instances": {"my.box": {"price_per_hour": 2}}, "services": services}))
    with pytest.raises(PriceError, match=message):
        read_prices(path)
