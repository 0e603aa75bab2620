import json
import os
import socket
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_runtime import settings
from cortex_runtime.settings import SettingsError, dump, load, parse

MINIMAL = {
    "api": {"name": "iris", "endpoint": "/iris"},
    "predictor": {"project_dir": "/project", "path": "predictor.py"},
}


def changed(path, value):
    """The minimal document with the key at a dotted path set; ``...`` removes it."""
    document = json.loads(json.dumps(MINIMAL))
    *sections, key = path.split(".")
    part = document
    for section in sections:
        part = part.setdefault(section, {})
    if value is ...:
        del part[key]
    else:
        part[key] = value
    return json.dumps(document)


def test_defaults():
    found = parse(json.dumps(MINIMAL))
    assert found.predictor.config == {}
    assert found.predictor.env == {}
    assert found.predictor.python_path == "."
    assert found.model_server.address == "localhost:8500"
    assert found.model_server.signature_key is None
    assert found.tracker is None
    assert (found.concurrency.workers, found.concurrency.threads_per_worker) == (1, 1)
    assert found.concurrency.max_in_flight == 1024
    assert found.http.port == 8080
    assert found.http.max_body_bytes == 100_000_000
    assert found.http.keep_alive_s > 60  # longer than the load balancer's idle time-out
    assert found.shutdown.grace_s > 0
    assert found.log.format == "auto"
    assert found.reporting is None
    assert found.parent_pid is None
    assert found.replica_id == socket.gethostname()


WRONG = [
    ("api", ..., "api"),
    ("api", [], "$.api"),
    ("api.name", "", "$.api.name"),
    ("api.name", None, "$.api.name"),
    ("api.endpoint", ..., "endpoint"),
    *[
        ("api.endpoint", value, "$.api.endpoint")
        for value in ("iris", "/", "/iris/", "//iris", "/a//b", "/a b", "/ä", "/{x}")
    ],
    *[("api.endpoint", value, "$.api.endpoint") for value in ("/livez", "/readyz", "/metrics", "/iris\n")],
    ("predictor.path", ..., "path"),
    ("predictor.path", 3, "$.predictor.path"),
    ("predictor.config", [], "$.predictor.config"),
    ("predictor.config", None, "$.predictor.config"),
    ("predictor.env", {"A": 1}, "$.predictor.env"),
    ("predictor.env", {"A=B": "x"}, "$.predictor.env"),
    ("predictor.env", {"": "x"}, "$.predictor.env"),
    ("predictor.env", {"A": "x\0"}, "$.predictor.env"),
    ("model_server.timeout_s", 0, "$.model_server.timeout_s"),
    ("model_server.address", "", "$.model_server.address"),
    ("model_server.signature_key", "", "$.model_server.signature_key"),
    ("tracker", {}, "model_type"),
    ("tracker.model_type", "clustering", "$.tracker.model_type"),
    ("concurrency.workers", 0, "$.concurrency.workers"),
    ("concurrency.workers", 101, "$.concurrency.workers"),
    ("concurrency.workers", "4", "$.concurrency.workers"),
    ("concurrency.workers", 1.5, "$.concurrency.workers"),
    ("concurrency.threads_per_worker", 0, "$.concurrency.threads_per_worker"),
    ("concurrency.max_in_flight", 0, "$.concurrency.max_in_flight"),
    ("concurrency.max_in_flight", 65536, "$.concurrency.max_in_flight"),
    ("http.port", -1, "$.http.port"),
    ("http.port", 65536, "$.http.port"),
    ("http.port", True, "$.http.port"),
    ("http.max_body_bytes", 0, "$.http.max_body_bytes"),
    ("http.keep_alive_s", 0, "$.http.keep_alive_s"),
    ("shutdown.grace_s", -1, "$.shutdown.grace_s"),
    ("shutdown.timeout_s", "1s", "$.shutdown.timeout_s"),
    ("log.level", "loud", "$.log.level"),
    ("log.format", "xml", "$.log.format"),
    ("reporting", {}, "table"),
    ("reporting", {"table": "t"}, "cluster"),
    ("reporting", {"table": "", "cluster": "c"}, "$.reporting.table"),
    ("reporting", {"table": "t", "cluster": "c", "region": ""}, "$.reporting.region"),
    ("extension", {}, "factory"),
    *[("extension", {"factory": value}, "$.extension.factory") for value in ("", "m", "m:", ":f", "m:f.g", "a b:f")],
    ("extension", {"factory": "m:f", "path": "x"}, "$.extension.path"),
    ("parent_pid", True, "$.parent_pid"),
    ("replica_id", "", "$.replica_id"),
    ("surplus", 1, "surplus"),
    ("http.surplus", 1, "surplus"),
]


@pytest.mark.parametrize(("path", "value", "named"), WRONG)
def test_every_wrong_value_is_an_error_that_names_its_key(path, value, named):
    with pytest.raises(SettingsError) as caught:
        parse(changed(path, value))
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "document", ["", "{", "[]", "null", '"text"', "{'api': 1}", b"\xff", "\udcff", '{"a":' * 100_000]
)
def test_what_is_no_json_object_is_an_error(document):
    with pytest.raises(SettingsError):
        parse(document)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_workers_get_the_same_settings_as_the_front(config):
    found = parse(changed("predictor.config", config))
    assert found.predictor.config == config
    assert parse(dump(found)) == found


def test_the_document_comes_from_the_variable_or_a_file(tmp_path):
    document = json.dumps(MINIMAL)
    (tmp_path / "settings.json").write_text(document)
    from_variable = load({settings.VARIABLE: document})
    from_file = load({settings.FILE_VARIABLE: str(tmp_path / "settings.json")})
    assert from_variable == from_file
    assert from_file.api.name == "iris"


def test_where_no_document_can_be_had_from_is_said(tmp_path):
    with pytest.raises(SettingsError, match="not both"):
        load({settings.VARIABLE: json.dumps(MINIMAL), settings.FILE_VARIABLE: "settings.json"})
    with pytest.raises(SettingsError, match=r"CORTEX_SETTINGS .*CORTEX_SETTINGS_FILE"):
        load({})
    with pytest.raises(SettingsError, match=r"missing\.json"):
        load({settings.FILE_VARIABLE: str(tmp_path / "missing.json")})
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="binary"):
        load({settings.FILE_VARIABLE: str(tmp_path / "binary")})
    (tmp_path / "wrong.json").write_text("{}")
    with pytest.raises(SettingsError, match=r"wrong.json: .*api"):
        load({settings.FILE_VARIABLE: str(tmp_path / "wrong.json")})
    with pytest.raises(SettingsError, match=r"CORTEX_SETTINGS: "):
        load({settings.VARIABLE: "{}"})


def run(**variables):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CORTEX_")} | variables
    return subprocess.run([sys.executable, "-m", "cortex_runtime"], env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, "CORTEX_SETTINGS"),
        ({"CORTEX_SETTINGS": "{"}, "CORTEX_SETTINGS"),
        ({"CORTEX_SETTINGS": changed("http.port", "80")}, "$.http.port"),
        ({"CORTEX_SETTINGS": "{}", "CORTEX_SETTINGS_FILE": "x"}, "not both"),
        ({"CORTEX_SETTINGS_FILE": "/nowhere/settings.json"}, "/nowhere/settings.json"),
    ],
)
def test_the_runtime_exits_with_2_and_one_line(variables, named):
    ended = run(**variables)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert named in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_port_in_use_is_an_error(start_replica, shared):
    replica = start_replica(ready=False, http={"port": shared.port})
    assert replica.wait_exit() != 0
    assert str(shared.port) in replica.wait_log("in use")["message"]
