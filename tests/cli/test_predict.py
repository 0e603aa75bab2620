"""``cortex-cdk predict`` against a server on loopback."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.support.cli import PROGRAM, call, run
from tests.support.http_server import FakeApi, fake_api

CONFIG = """\
- name: iris
  endpoint: v1/classify/
  predictor: {type: tensorflow, path: predictor.py, model: model}
- name: other
  predictor: {type: tensorflow, path: predictor.py, model: model}
"""


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api() as server:
        yield server


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The predictor file and the model need not exist to ask an API that runs elsewhere."""
    (tmp_path / "cortex.yaml").write_text(CONFIG)
    (tmp_path / "sample.json").write_text('{"a": 1}')
    return tmp_path


def test_names_under_localhost_are_this_machine(project: Path, api: FakeApi) -> None:
    port = api.url.rpartition(":")[2]
    result = run("predict", "iris", "--url", f"http://some.balancer.localhost:{port}", cwd=project)
    assert (result.code, result.err) == (0, "")
    assert api.asked[0].headers["Host"] == f"some.balancer.localhost:{port}"


def test_the_sample_is_posted_as_it_is_and_the_answer_printed(project: Path, api: FakeApi) -> None:
    (project / "sample.json").write_text('{ "a":1.0 , "b": "\u00e9" }\n', encoding="utf-8")
    api.body = '{"class":"séto\u2028sa","p":[1,2.50]}'.encode()
    result = run("predict", "iris", "--url", api.url, cwd=project)
    assert (result.code, result.err) == (0, "")
    assert result.raw == api.body + b"\n"
    (asked,) = api.asked
    assert (asked.method, asked.path) == ("POST", "/v1/classify")
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.body == (project / "sample.json").read_bytes()


@pytest.mark.parametrize(
    ("url", "path"),
    [("", "/v1/classify"), ("/", "/v1/classify"), ("/own/path", "/own/path"), ("?key=1", "/v1/classify?key=1")],
)
def test_the_endpoint_is_added_unless_the_url_has_a_path(project: Path, api: FakeApi, url: str, path: str) -> None:
    assert call("predict", "iris", "--url", api.url + url, cwd=project).code == 0
    assert api.asked[0].path == path


def test_a_url_without_its_scheme(project: Path, api: FakeApi) -> None:
    assert call("predict", "other", "--url", api.url.removeprefix("http://"), cwd=project).code == 0
    assert api.asked[0].path == "/other"


def test_debug_is_a_query_parameter(project: Path, api: FakeApi) -> None:
    call("predict", "iris", "--debug", "--url", f"{api.url}?a=b", cwd=project)
    assert api.asked[0].path == "/v1/classify?a=b&debug=true"


def test_the_file_can_be_given_and_its_folder_has_the_sample(project: Path, api: FakeApi) -> None:
    (project / "elsewhere").mkdir()
    (project / "deep" / "down").mkdir(parents=True)
    (project / "elsewhere" / "cortex.yaml").write_text(CONFIG.replace("v1/classify", "v2"))
    (project / "elsewhere" / "sample.json").write_text("[2]")
    call("predict", "iris", "--file", "elsewhere/cortex.yaml", "--url", api.url, cwd=project)
    call("predict", "iris", "--url", api.url, cwd=project / "deep" / "down")
    assert [(asked.path, asked.body) for asked in api.asked] == [("/v2", b"[2]"), ("/v1/classify", b'{"a": 1}')]


def test_without_a_cortex_yaml_the_endpoint_is_the_name(tmp_path: Path, api: FakeApi) -> None:
    assert call("predict", "iris", "-", "--url", api.url, cwd=tmp_path, stdin=b"[1]").code == 0
    assert (api.asked[0].path, api.asked[0].body) == ("/iris", b"[1]")


def test_a_sample_file_can_be_given(project: Path, api: FakeApi) -> None:
    (project / "two.json").write_text("2")
    call("predict", "iris", "two.json", "--url", api.url, cwd=project)
    assert api.asked[0].body == b"2"


def test_bytes_arrive_as_they_are(project: Path, api: FakeApi) -> None:
    api.headers = {"Content-Type": "application/octet-stream"}
    api.body = bytes(range(256))
    result = run("predict", "iris", "--url", api.url, cwd=project)
    assert (result.code, result.raw) == (0, bytes(range(256)))


def test_a_terminal_gets_pretty_json_in_colour_and_no_bytes(project: Path, api: FakeApi) -> None:
    api.body = b'{"label":"setosa","scores":[1,2]}'
    arguments = ["predict", "iris", "--url", api.url]
    env = {"TERM": "xterm-256color", "PATH": "/usr/bin:/bin", "HOME": str(project)}
    shown, code = pexpect.run(
        f"{PROGRAM} {' '.join(arguments)}", cwd=str(project), env=env, withexitstatus=True, timeout=60
    )
    assert code == 0
    assert b"\x1b[" in shown
    assert b"\n  " in shown
    assert b"setosa" in shown
    api.headers = {"Content-Type": "application/octet-stream"}
    api.body = b"\x00\x07\x1b" * 1000
    shown, code = pexpect.run(
        f"{PROGRAM} {' '.join(arguments)}", cwd=str(project), env=env, withexitstatus=True, timeout=60
    )
    assert code == 0
    assert b"3,000 bytes of application/octet-stream; redirect them" in shown
    assert b"\x00" not in shown


def test_an_error_answer(project: Path, api: FakeApi) -> None:
    api.status = 400
    api.headers |= {"x-request-id": "abc-123"}
    api.body = b'{"error": "input \\"x\\" is missing", "request_id": "abc-123"}'
    result = run("predict", "iris", "--url", api.url, cwd=project)
    assert (result.code, result.raw) == (1, b"")
    assert result.err == (
        f'error: {api.url}/v1/classify answered 400 Bad Request: input "x" is missing\nrequest id: abc-123\n'
    )


@pytest.mark.parametrize(
    ("content_type", "body", "shown"),
    [
        ("text/html", b"<html>no</html>", "502 Bad Gateway: 15 bytes of text/html"),
        ("text/plain", b"upstream gone\n", "502 Bad Gateway: upstream gone"),
        ("application/json", b"[1]", "502 Bad Gateway: [1]"),
        ("application/json", b"", "502 Bad Gateway: no message"),
    ],
)
def test_error_answers_of_others(project: Path, api: FakeApi, content_type: str, body: bytes, shown: str) -> None:
    api.status, api.headers, api.body = 502, {"Content-Type": content_type}, body
    result = call("predict", "iris", "--url", api.url, cwd=project)
    assert (result.code, result.raw) == (1, b"")
    assert result.err == f"error: {api.url}/v1/classify answered {shown}\n"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirection_is_an_error_and_not_followed(project: Path, api: FakeApi, status: int) -> None:
    api.status, api.headers = status, {"Location": f"{api.url}/there"}
    result = call("predict", "iris", "--url", api.url, cwd=project)
    assert result.code == 1
    assert f"a redirection to {api.url}/there; give that as --url" in result.err
    assert len(api.asked) == 1


def test_nothing_listens(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    result = run("predict", "iris", "--url", f"http://127.0.0.1:{port}", cwd=project)
    assert (result.code, result.raw) == (1, b"")
    assert result.err == (
        f"error: nothing listens at http://127.0.0.1:{port}/v1/classify; run `cortex-cdk serve` in the project first\n"
    )


def test_no_answer_in_time(project: Path, api: FakeApi) -> None:
    api.hold = threading.Event()
    result = call("predict", "iris", "--url", api.url, "--timeout", "0.5", cwd=project)
    assert result.code == 1
    assert "no answer from" in result.err
    assert "within 0.5 s; --timeout SECONDS waits longer" in result.err


def test_an_answer_that_is_cut_off(project: Path, api: FakeApi) -> None:
    api.announced = 1000
    result = call("predict", "iris", "--url", api.url, cwd=project)
    assert result.code == 1
    assert "closed the connection before its answer was complete" in result.err


def test_a_host_that_does_not_exist(project: Path) -> None:
    result = call("predict", "iris", "--url", "http://no-such-host.invalid", cwd=project)
    assert result.code == 1
    assert "error: cannot reach http://no-such-host.invalid/v1/classify: " in result.err


def test_a_proxy_is_not_used_to_reach_this_machine(project: Path, api: FakeApi) -> None:
    env = {"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    assert run("predict", "iris", "--url", api.url, cwd=project, env=env).code == 0


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http://[::1", "http://host:port"])
def test_what_is_no_url(project: Path, url: str) -> None:
    result = call("predict", "iris", "--url", url, cwd=project)
    assert result.code == 1
    assert result.err.startswith(f"error: --url {url}: not a URL; write it as http://localhost:8080")


def test_an_api_that_the_file_does_not_have(project: Path, api: FakeApi) -> None:
    result = call("predict", "irs", "--url", api.url, cwd=project)
    assert (result.code, result.err) == (1, "error: cortex.yaml has no API irs; did you mean iris?\n")
    result = call("predict", "zebra", "--url", api.url, cwd=project)
    assert result.err == "error: cortex.yaml has no API zebra; it has iris, other\n"
    assert api.asked == []
    assert call("predict", "irs", "--url", f"{api.url}/own", cwd=project).code == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "cortex.yaml: "),
        ("- name: iris\n  endpoint: a//b\n", "the endpoint of iris is wrong; see `cortex-cdk validate`"),
        ("3", "has no API iris; it has none"),
    ],
)
def test_a_cortex_yaml_that_cannot_be_used(project: Path, text: str, words: str) -> None:
    (project / "cortex.yaml").write_text(text)
    result = call("predict", "iris", cwd=project)
    assert result.code == 1
    assert words in result.err


def test_a_file_that_is_not_there(project: Path) -> None:
    result = call("predict", "iris", "--file", "gone.yaml", cwd=project)
    assert (result.code, result.err) == (1, "error: gone.yaml: cannot be read: No such file or directory\n")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"a": 1,\n  }', "sample.json:2:3: not JSON: "),
        (b"", "sample.json:1:1: not JSON: "),
        (b'"\xff"', "sample.json: not JSON: not UTF-8 at byte 1"),
        (b"[" * 200_000, "sample.json: JSON that is nested too deep"),
    ],
)
def test_a_sample_that_is_no_json_is_not_sent(project: Path, api: FakeApi, content: bytes, words: str) -> None:
    (project / "sample.json").write_bytes(content)
    result = call("predict", "iris", "--url", api.url, cwd=project)
    assert result.code == 1
    assert f"error: {words}" in result.err
    assert api.asked == []


def test_no_sample(project: Path) -> None:
    (project / "sample.json").unlink()
    result = call("predict", "iris", cwd=project)
    assert result.code == 1
    assert "sample.json: cannot be read: No such file or directory; name the file to send, or - for stdin" in result.err


def test_strings_are_json_strings(project: Path, api: FakeApi) -> None:
    api.body = b'"setosa"'
    assert json.loads(call("predict", "iris", "--url", api.url, cwd=project).out) == "setosa"
