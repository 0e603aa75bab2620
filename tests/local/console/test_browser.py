"""The console's page in headless Chromium: what people see, hear and type."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.support.replica import wait_until
from tests.support.serve import FLOWER, Serve, iris_project

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MARKUP = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"
"""As an answer, a reason and a payload: it is to be seen, not obeyed."""

MARKUP_PREDICTOR = f"""
class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        self.client = tensorflow_client

    def predict(self, payload):
        return {{"markup": {MARKUP!r}, "payload": payload}}
"""

BROKEN_PREDICTOR = f"""
class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        raise RuntimeError({MARKUP!r})

    def predict(self, payload):
        return 1
"""

SPEC = """
- name: iris-classifier
  predictor: {type: tensorflow, path: iris/predictor.py, model: model}
- name: second
  predictor: {type: tensorflow, path: second.py, model: model}
"""


@pytest.fixture(scope="module")
def run(tensorflow_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Two APIs, of which the first has a sample and the second answers with markup."""
    folder = tmp_path_factory.mktemp("browser")
    project = iris_project(folder / "project")
    (project / "iris").mkdir()
    for name in ("predictor.py", "sample.json"):
        (project / name).rename(project / "iris" / name)
    (project / "second.py").write_text(MARKUP_PREDICTOR)
    (project / "cortex.yaml").write_text(SPEC)
    found = Serve(project, folder / "log")
    yield found.wait_ready()
    found.clean_up()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens the console of a ``Serve`` in a context of its own; the page may complain about nothing."""
    contexts = []
    complaints: list[str] = []

    def open_it(run: Serve, *, width: int = 1000, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        # What its policy forbids is said here, too; an error answer or a lost connection is no fault of the page.
        page.on(
            "console",
            lambda said: None if said.text.startswith("Failed to load resource") else complaints.append(said.text),
        )
        page.on(
            "request", lambda request: request.url.startswith(("data:", url(run))) or complaints.append(request.url)
        )
        page.goto(url(run) + "/_console")
        page.get_by_text("live", exact=True).wait_for()
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert not complaints


def url(run: Serve) -> str:
    return f"http://localhost:{run.port}"


def eventually(page: Page, expression: str) -> None:
    """Wait until an expression is true in the page, whose policy forbids what Playwright has for it."""
    wait_until(lambda: page.evaluate(expression), f"in the page: {expression}")


def answer(page: Page) -> str:
    page.locator("#answer-body").wait_for(timeout=60_000)
    return page.locator("#answer-body").inner_text()


def test_a_sample_is_sent_and_shown_everywhere(run: Serve, open_page: Callable[..., Page]):
    page = open_page(run)
    assert json.loads(page.get_by_label("Payload (JSON)").input_value()) == FLOWER
    assert page.locator("#payload-from").inner_text() == "From iris/sample.json."
    page.get_by_role("button", name="Send").click()
    assert answer(page) == '"setosa"'
    assert re.match(r"200 OK, [0-9.]+ m?s as this browser measured it", page.locator("#answer-status").inner_text())
    page.get_by_text("Headers of the answer").click()
    assert "x-request-id" in page.locator("#answer-header-list").inner_text()

    # The sums of what the page knows are the truth: one answer more than none, of code 200.
    eventually(page, "apis.get('iris-classifier').past.codes.has('200')")
    charts = page.get_by_role("img")
    assert charts.count() == 4
    eventually(page, "charts[2].place.getAttribute('aria-label').startsWith('Answers, per second, by status code')")
    legends = page.locator(".legend").all_inner_texts()
    assert [part in text for part, text in zip(("in flight", "p50", "200", "would request"), legends, strict=True)]
    drawn = (
        "[...document.querySelectorAll('canvas')].map((canvas) => new Set("
        "canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size > 2)"
    )
    assert page.evaluate(drawn) == [True] * 4

    page.get_by_text("The charts as a table").click()
    heads = page.locator("#values-head th").all_inner_texts()
    assert heads == ["Until", "In flight", "Queued", "p50", "p99", "200/s", "Would request"]
    assert page.locator("#values-body tr").count() == 20
    rates = [row.split("\t")[5] for row in page.locator("#values-body tr").all_inner_texts()]
    assert any(re.match("[0-9.]*[1-9]", rate) for rate in rates)


def test_an_error_answer_is_shown_as_it_is(run: Serve, open_page: Callable[..., Page]):
    page = open_page(run)
    page.get_by_label("Payload (JSON)").fill('{"sepal_length": 5')
    page.get_by_label("Payload (JSON)").press("Control+Enter")
    assert "request_id" in answer(page)
    assert page.locator("#answer-status").inner_text().startswith("400 Bad Request")
    page.get_by_role("button", name="Reset").click()
    assert json.loads(page.get_by_label("Payload (JSON)").input_value()) == FLOWER


def test_text_of_a_project_is_no_markup(run: Serve, open_page: Callable[..., Page]):
    page = open_page(run)
    page.get_by_role("button", name="second").click()
    payload = page.get_by_label("Payload (JSON)")
    assert json.loads(payload.input_value()) == {
        name: [0.0] for name in ("petal_length", "petal_width", "sepal_length", "sepal_width")
    }
    assert "Made from the model's inputs" in page.locator("#payload-from").inner_text()
    payload.fill(json.dumps(MARKUP))
    page.get_by_role("button", name="Send").click()
    assert json.loads(answer(page)) == {"markup": MARKUP, "payload": MARKUP}
    assert page.locator("img").count() == 0
    assert page.title() == "cortex-cdk serve"
    page.get_by_role("button", name="iris-classifier").click()
    assert json.loads(payload.input_value()) == FLOWER
    page.get_by_role("button", name="second").click()
    assert payload.input_value() == json.dumps(MARKUP)  # what was typed is still there


@pytest.mark.parametrize("width", [360, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_people_out(run: Serve, open_page: Callable[..., Page], scheme: str, width: int):
    """The rules of axe-core, which are those of WCAG 2 as far as a program can tell."""
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(run, color_scheme=scheme, width=width)
    page.get_by_text("The charts as a table").click()
    page.get_by_role("button", name="Send").click()
    answer(page)
    page.get_by_text("Headers of the answer").click()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = sum(int(part) for part in re.findall(r"\d+", background)) < 3 * 128
    assert dark == (scheme == "dark")


def test_the_keyboard_reaches_all_of_it(run: Serve, open_page: Callable[..., Page]):
    page = open_page(run)
    eventually(page, "document.querySelectorAll('#apis tr').length === 2")
    seen = []
    for _ in range(20):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "(() => { const e = document.activeElement, s = getComputedStyle(e);"
            " const ring = s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2;"
            " return [e.id || e.textContent.trim().slice(0, 30), ring]; })()"
        )
        if page.evaluate("document.activeElement === document.body"):  # all of it was reached
            break
        seen.append(tuple(focused))
    else:
        pytest.fail(f"there is no end: {seen}")
    names = [name for name, _ in seen]
    wanted = ["pause", "iris-classifier", "second", "The charts as a table", "payload", "send", "reset"]
    assert [name for name in names if name in wanted] == wanted
    assert all(visible for _, visible in seen), seen
    page.get_by_role("button", name="second").focus()
    page.keyboard.press("Enter")
    assert page.locator("#api-name").inner_text() == "second"
    eventually(page, "document.activeElement.textContent === 'second'")  # drawing again does not move the focus
    assert page.get_by_role("button", name="second").get_attribute("aria-pressed") == "true"


def test_pause_stops_the_picture_but_not_the_data(run: Serve, open_page: Callable[..., Page]):
    page = open_page(run)
    page.get_by_role("button", name="Pause").click()
    shown = page.evaluate("charts[0].t[599]")
    page.evaluate("charts.forEach((chart) => { chart.draw = () => { document.title = 'drawn'; }; })")
    then = page.evaluate("now")
    eventually(page, f"now >= {then} + 2")
    assert page.title() == "cortex-cdk serve"
    page.get_by_role("button", name="Pause").click()
    assert page.title() == "drawn"
    assert page.evaluate("apis.get('iris-classifier').past.t[599]") > shown - 1


@pytest.mark.parametrize(("motion", "drawn"), [("no-preference", 10), ("reduce", 2)])
def test_with_reduced_motion_it_moves_less(run: Serve, open_page: Callable[..., Page], motion: str, drawn: int):
    page = open_page(run, reduced_motion=motion)
    count = page.evaluate(
        "(() => { source.close(); let n = 0; charts[0].draw = () => { n += 1; };"
        " for (let at = 1; at <= 10; at++) takeSecond({ now: at, apis: {} }); return n; })()"
    )
    assert count == drawn


def test_changes_are_announced(run: Serve, open_page: Callable[..., Page]):
    page = open_page(run)
    assert page.get_by_role("status").inner_text() == ""
    page.evaluate(
        "takeSecond({ now, apis: { second: { seconds: [], state: 'failed', reasons: ['it broke'] } } });"
        "takeSecond({ now, apis: { second: { seconds: [], state: 'failed', reasons: ['it broke'] } } })"
    )
    assert page.get_by_role("status").inner_text() == "second is failed."


def test_a_replica_that_dies_and_comes_back(run: Serve, open_page: Callable[..., Page]):
    page = open_page(run)
    eventually(page, "apis.get('second').state === 'ready'")
    worker = run.pid("cortex_runtime.worker")
    front = psutil.Process(worker).parent()
    assert front is not None
    os.kill(front.pid, signal.SIGKILL)
    eventually(page, "[...apis.values()].some((api) => api.state === 'starting')")
    eventually(page, "[...apis.values()].every((api) => api.state === 'ready')")


def test_a_lost_connection_and_the_reason_of_a_failure(
    serve: Callable[..., Serve], model_server: Any, open_page: Callable[..., Page], tmp_path: Path
):
    project = iris_project(tmp_path / "project", model=False)
    run = serve(project, "--model-server", model_server.address, "--reload").wait_ready()
    page = open_page(run)
    page.evaluate("window.kept = true")
    (project / "predictor.py").write_text(BROKEN_PREDICTOR)
    page.get_by_text("no connection, trying again").wait_for(timeout=60_000)
    page.get_by_text("live", exact=True).wait_for(timeout=60_000)
    eventually(page, "apis.get('iris-classifier').state === 'failed'")
    eventually(page, f"document.getElementById('reasons').textContent.includes({json.dumps(MARKUP)})")
    assert page.title() == "cortex-cdk serve"
    assert page.evaluate("window.kept")  # by itself, not by loading the page again


def test_a_page_out_of_view_asks_for_nothing(run: Serve, open_page: Callable[..., Page]):
    page = open_page(run)
    hidden = "Object.defineProperty(document, 'hidden', { value: %s, configurable: true });"
    page.evaluate(hidden % "true" + "document.dispatchEvent(new Event('visibilitychange'))")
    assert page.evaluate("source === null")
    page.evaluate(hidden % "false" + "document.dispatchEvent(new Event('visibilitychange'))")
    page.get_by_text("live", exact=True).wait_for()
