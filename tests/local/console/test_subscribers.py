"""Open pages: each gets all events, a slow one delays nobody, and a replica that stops is not kept by any."""

import asyncio
import json

import pytest

from cortex_cdk.local.console.subscribers import MOST, MOST_UNSENT, Subscribers, encoded


def test_each_gets_every_event_in_order():
    async def main() -> None:
        subscribers = Subscribers()
        pages = [subscribers.add() for _ in range(3)]
        for n in range(5):
            subscribers.send("second", n)
        for page in pages:
            assert page is not None
            assert [await page.next() for _ in range(5)] == [encoded("second", n) for n in range(5)]

    asyncio.run(main())


def test_one_that_does_not_read_is_cut_off_alone():
    async def main() -> None:
        subscribers = Subscribers()
        slow, good = subscribers.add(), subscribers.add()
        assert slow is not None
        assert good is not None
        for n in range(MOST_UNSENT + 1):
            subscribers.send("second", n)
            await good.next()
        assert slow.ended.is_set()
        assert slow.too_slow
        assert not good.ended.is_set()

    asyncio.run(main())


def test_closing_ends_all_and_refuses_more_until_it_opens_again():
    async def main() -> None:
        subscribers = Subscribers()
        page = subscribers.add()
        assert page is not None
        subscribers.close()
        assert page.ended.is_set()
        assert not page.too_slow
        assert subscribers.add() is None
        subscribers.open()
        assert subscribers.add() is not None

    asyncio.run(main())


def test_there_is_a_most():
    async def main() -> None:
        subscribers = Subscribers()
        pages = [subscribers.add() for _ in range(MOST)]
        assert None not in pages
        assert subscribers.add() is None
        assert pages[0] is not None
        subscribers.remove(pages[0])
        assert subscribers.add() is not None

    asyncio.run(main())


def test_an_event_is_two_lines_whatever_is_in_it():
    data = {"text": "a\nb\r\n\ndata: c\u2028", "n": 1.5}
    name, line, *rest = encoded("whole", data).decode().split("\n")
    assert name == "event: whole"
    assert rest == ["", ""]
    assert json.loads(line.removeprefix("data: ")) == data


def test_what_is_no_json_is_an_error():
    with pytest.raises(ValueError, match="JSON"):
        encoded("second", float("nan"))
