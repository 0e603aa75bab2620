"""What instances cost: a dated list of on-demand prices (us-east-1, Linux), or the user's own.

A file of prices is JSON as ``prices.json`` beside this module: ``instances`` holds, by instance type,
``price_per_hour``, ``vcpus``, ``memory_mib`` and, where there are any, ``gpus`` or ``inferentia_chips``. ``currency``,
``region``, ``date`` and ``source`` say what it is; only ``instances`` and each ``price_per_hour`` are needed. What else
is paid for is in ``services``: by key ``price``, and for readers ``unit``, ``source`` and ``checked``, a date.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PRICES_FILE = Path(__file__).parent / "prices.json"


class PriceError(ValueError):
    """A price is missing or a file of prices is wrong. The message says where, what was found and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """An instance type. Sizes are None where a file of the user's does not give them."""

    type: str
    price_per_hour: float
    vcpus: int | None = None
    memory_mib: int | None = None
    gpus: int = 0
    inferentia_chips: int = 0


@dataclass(frozen=True, kw_only=True)
class ServicePrice:
    """What one ``unit`` of something costs; ``source`` says who says so and ``checked`` when that was looked at."""

    price: float
    unit: str | None = None
    source: str | None = None
    checked: str | None = None


@dataclass(frozen=True, kw_only=True)
class Prices:
    """A list of prices, with what is known of where and when they hold."""

    instances: dict[str, Instance] = field(repr=False)
    where: str
    services: dict[str, ServicePrice] = field(default_factory=dict, repr=False)
    currency: str = "USD"
    region: str | None = None
    date: str | None = None
    source: str | None = None

    def instance(self, instance_type: str) -> Instance:
        """The instance of this type.

        Raises:
            PriceError: when the list has none; it names similar ones.
        """
        found = self.instances.get(instance_type)
        if found is None:
            near = difflib.get_close_matches(instance_type, self.instances, n=3, cutoff=0.6)
            family = [name for name in self.instances if name.startswith(instance_type.split(".")[0] + ".")]
            similar = f"; similar ones are {', '.join((family or near)[:6])}" if family or near else ""
            raise PriceError(
                f"{self.where}: no price for the instance type {instance_type!r}{similar}; "
                f"give its price in {self.currency} per hour, or a file of prices that has it"
            )
        return found

    def require(self, instance_types: Iterable[str], services: Iterable[str]) -> None:
        """See whether all of these have a price.

        Raises:
            PriceError: when some have none; it names all of them.
        """
        lacking = []
        if types := sorted({*instance_types} - self.instances.keys()):
            lacking.append(f"instances has no {', '.join(types)}")
        if keys := sorted({*services} - self.services.keys()):
            lacking.append(f"services has no {', '.join(keys)}")
        if lacking:
            raise PriceError(
                f"{self.where}: prices are missing: {'; '.join(lacking)}. Copy {PRICES_FILE}, change what differs, "
                f"and give the copy as the file of prices"
            )


def read_prices(path: str | Path | None = None) -> Prices:
    """The prices in a file; by default the ones that come with this package.

    Raises:
        PriceError: when it cannot be read or is not of the form that the module's text gives.
    """
    return _read(PRICES_FILE if path is None else Path(path))


def parse_price(text: str) -> float:
    """A price per hour as it is given on a command line, such as ``0.526``.

    Raises:
        PriceError: when it is no number of 0 or more.
    """
    try:
        price = float(text.removeprefix("$"))
    except ValueError:
        price = math.nan
    if not 0 <= price < math.inf:
        raise PriceError(f"the price {text!r} is not a number of 0 or more, in dollars per hour, such as 0.526")
    return price


def _read(path: Path) -> Prices:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PriceError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise PriceError(f"{path}: not JSON: {error}") from None
    entries = document.get("instances") if isinstance(document, dict) else None
    if not isinstance(entries, dict) or not entries:
        raise PriceError(
            f'{path}: expected {{"instances": {{"g4dn.xlarge": {{"price_per_hour": 0.526}}, ...}}}}, '
            f"but there are no instances in it"
        )
    texts = {key: _text(path, document, key) for key in ("currency", "region", "date", "source")}
    instances = {name: _instance(path, name, entry) for name, entry in entries.items()}
    return Prices(
        instances=instances,
        services=_services(path, document.get("services", {})),
        where=str(path) if path != PRICES_FILE else "the list of prices",
        currency=texts["currency"] or "USD",
        region=texts["region"],
        date=texts["date"],
        source=texts["source"],
    )


def _text(path: Path, document: dict[str, Any], key: str) -> str | None:
    found = document.get(key)
    if found is not None and not isinstance(found, str):
        raise PriceError(f"{path}: {key}: expected a text, found {found!r}")
    return found


def _instance(path: Path, name: str, entry: Any) -> Instance:
    if not isinstance(entry, dict):
        raise PriceError(f'{path}: instances: {name}: expected {{"price_per_hour": ...}}, found {entry!r}')
    price = _price(path, f"instances: {name}: price_per_hour", entry.get("price_per_hour"))
    sizes: dict[str, int] = {}
    for key in ("vcpus", "memory_mib", "gpus", "inferentia_chips"):
        size = entry.get(key)
        if size is not None:
            if not isinstance(size, int) or isinstance(size, bool) or size < 0:
                raise PriceError(f"{path}: instances: {name}: {key}: expected a whole number, found {size!r}")
            sizes[key] = size
    unknown = entry.keys() - {"price_per_hour", "vcpus", "memory_mib", "gpus", "inferentia_chips"}
    if unknown:
        raise PriceError(f"{path}: instances: {name}: unknown keys: {', '.join(sorted(unknown))}")
    return Instance(
        type=name,
        price_per_hour=price,
        vcpus=sizes.get("vcpus"),
        memory_mib=sizes.get("memory_mib"),
        gpus=sizes.get("gpus", 0),
        inferentia_chips=sizes.get("inferentia_chips", 0),
    )


def _services(path: Path, entries: Any) -> dict[str, ServicePrice]:
    if not isinstance(entries, dict):
        raise PriceError(
            f'{path}: services: expected {{"nat_gateway_hour": {{"price": 0.045}}, ...}}, found {entries!r}'
        )
    found = {}
    for key, entry in entries.items():
        if not isinstance(entry, dict):
            raise PriceError(f'{path}: services: {key}: expected {{"price": ...}}, found {entry!r}')
        if unknown := entry.keys() - {"price", "unit", "source", "checked"}:
            raise PriceError(f"{path}: services: {key}: unknown keys: {', '.join(sorted(unknown))}")
        texts = {name: _text(path, entry, name) for name in ("unit", "source", "checked")}
        found[key] = ServicePrice(price=_price(path, f"services: {key}: price", entry.get("price")), **texts)
    return found


def _price(path: Path, where: str, price: Any) -> float:
    if not isinstance(price, int | float) or isinstance(price, bool) or not 0 <= price < math.inf:
        raise PriceError(f"{path}: {where}: expected a number of 0 or more, found {price!r}")
    return float(price)
