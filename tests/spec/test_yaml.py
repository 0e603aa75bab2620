"""YAML itself: what cannot be read, what means something else than it seems, anchors, and what could exhaust memory."""

from __future__ import annotations

import pytest

from cortex_cdk.spec import check

PREDICTOR = "predictor: {type: tensorflow, path: predictor.py, model: s3://my-bucket/my-model}"


@pytest.mark.parametrize(
    ("content", "line", "column", "words"),
    [
        (b"", None, None, "the file is empty"),
        (b"# only a comment\n", None, None, "the file is empty"),
        (b"a", 1, 1, 'found "a"'),
        (b"null", 1, 1, "null is not allowed"),
        (b"name: a", 1, 1, "found a map"),
        (b"[]", 1, 1, "the list of APIs is empty"),
        (b"- null", 1, 3, "null is not allowed"),
        (b"- [a]", 1, 3, "found a list"),
        (b"- a\n- ]", 2, 3, "not valid YAML"),
        (b'- "a', 1, 5, "not valid YAML"),
        (b"-\tname: a\n", 1, 2, "not valid YAML"),
        (b"- name: a\n\tx: b\n", 2, 1, "a tab where only spaces may stand"),
        (b"- a: b: c", 1, 7, "mapping values are not allowed here"),
        (b"- *x", 1, 3, "undefined alias"),
        (b"- %x", 1, 3, "not valid YAML"),
        (b"- a\n---\n- b\n", 2, 1, "a second YAML document begins here"),
        (b"- a\n- b\xff\n", 2, 4, "not UTF-8: byte 0xff"),
        (b"- \xc3\xa4\n- \xc3\xa4\xc3\n", 2, 4, "not UTF-8: byte 0xc3"),
        ("- ä".encode("utf-16"), 1, 1, "not UTF-8"),
        (b"- a: \x07", 1, 6, "the character U+0007 is not allowed"),
        (b'- "\\UFFFFFFFF"', 1, 6, "an escape names no character"),
        (b'- "\\ud800"', 1, 3, "half of a surrogate pair"),
        (b"- " * 101 + b"a", 1, 201, "nested more than 100 levels deep"),
        (b"[" * 5000, 1, 101, "nested more than 100 levels deep"),
        (b"- !!python/object:os.system {}", 1, 3, "the tag `!!python/object:os.system` is not supported"),
        (b"- !x a", 1, 3, "the tag `!x` is not supported"),
        (b"- !!int a", 1, 3, "not a value of the type `!!int`"),
        (b"- !!bool a", 1, 3, "not a value of the type `!!bool`"),
        (b"- " + b"9" * 5000, 1, 3, "does not fit 64 bits"),
    ],
)
def test_what_cannot_be_read(workspace, content, line, column, words):
    problem = workspace.problem(content)
    assert words in problem.message
    assert (problem.line, problem.column) == (line, column)


def test_a_file_that_is_too_large(workspace):
    assert "at most 1000000 are read" in workspace.problem(b"#" * 1_000_001).message


def test_files_that_are_not_there(workspace, tmp_path):
    for path, words in [
        (tmp_path / "absent.yaml", "No such file"),
        (tmp_path, "Is a directory"),
        ("a\0b", "null byte"),
        (tmp_path / ("x" * 300), "File name too long"),
    ]:
        project, (problem,) = check(path)
        assert project is None
        assert words in problem.message
        assert problem.line is None
    assert check(tmp_path)[1][0].hint == f"name the file: {tmp_path / 'cortex.yaml'}"


def test_a_byte_order_mark_and_windows_lines(workspace):
    text = f"- name: my-api\r\n  {PREDICTOR}\r\n"
    assert workspace.api(b"\xef\xbb\xbf" + text.encode()).name == "my-api"
    problem = workspace.problem(b"\xef\xbb\xbf" + text.replace("my-api", "My").encode())
    assert (problem.line, problem.column) == (1, 9)


def test_columns_count_characters(workspace):
    before = f"- {{name: my-api, {PREDICTOR}, tracker: {{key: 'ä€😀', model_type: "
    assert workspace.problem(before + "x}}").column == len(before) + 1


def test_the_same_key_twice(workspace):
    problem = workspace.problem(f"""\
        - name: my-api
          {PREDICTOR}
          compute:
            cpu: 1
            gpu: 1
            cpu: 2
        """)
    assert (problem.key, problem.line, problem.column) == ("compute.cpu", 6, 5)
    assert problem.message == "the same key twice"
    assert problem.hint == "the first is at line 4, column 5"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("1", "is the number 1 to YAML"),
        ("1.5", "is the number 1.5 to YAML"),
        ("on", "is the boolean true to YAML"),
        ("null", "is null to YAML"),
        ("? [a]", "a list or a map as a key"),
        ("? {a: b}", "a list or a map as a key"),
    ],
)
@pytest.mark.parametrize("depth", ["{%s : 1}", "{a: {%s : 1}}", "{a: [{%s : 1}]}"])
def test_keys_are_strings_at_every_depth(workspace, key, words, depth):
    problem = workspace.problem(workspace.with_key("predictor.config", depth % key))
    assert words in problem.message
    assert "quotes" in (problem.hint or "") or "keys must be strings" in (problem.hint or "")
    assert (problem.key or "").startswith("predictor.config")


def test_a_key_of_the_api_that_is_no_string(workspace):
    problem = workspace.problem(f"- {{name: my-api, {PREDICTOR}, 1: 2}}")
    assert (problem.api, problem.key, problem.value) == ("my-api", "1", 1)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("2020-01-31", "2020-01-31"),
        ("2020-01-31T10:00:00Z", "2020-01-31T10:00:00Z"),
        ("12:30", "12:30"),
        ("1:30:00", "1:30:00"),
        ("y", "y"),
        ("n", "n"),
        ("=", "="),
        ("<<", "<<"),
        ("0o17", "0o17"),
        ("1.2.3", "1.2.3"),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("yes", True),
        ("Off", False),
        ("TRUE", True),
        ("~", None),
        ("0", 0),
        ("-17", -17),
        ("+17", 17),
        ("1_000", 1000),
        ("0x1F", 31),
        ("-0b101", -5),
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
        ("1e3", 1000.0),
        ("1E-3", 0.001),
        (".5", 0.5),
        ("5.", 5.0),
        ("0.5", 0.5),
        ("!!float 1", 1.0),
        ("!!int '7'", 7),
        ('"\\u00e4"', "ä"),
    ],
)
def test_what_scalars_mean(workspace, written, value):
    found = workspace.api(workspace.with_key("predictor.config", f"{{a: {written}}}")).predictor.config["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("written", ["010", "00", "-007", "08", "0_7", "18446744073709551616", ".inf", "-.INF", ".NaN"])
@pytest.mark.parametrize("key", ["predictor.config.a", "predictor.env.a", "compute.gpu"])
def test_numbers_that_readers_disagree_about(workspace, key, written):
    problem = workspace.problem(workspace.with_key(key, written))
    assert problem.key == key
    assert f'"{written}"' in (problem.hint or "")


def test_anchors_and_merge_keys(workspace):
    first, second = workspace.apis("""\
        - &base
          name: first
          predictor: &predictor
            type: tensorflow
            path: predictor.py
            model: s3://my-bucket/first
            config: {a: 1}
          compute: {cpu: 1}
          autoscaling: {min_replicas: 2}
        - <<: *base
          name: second
          predictor:
            <<: [{signature_key: inline}, *predictor]
            model: s3://my-bucket/second
          compute: {mem: 1Gi}
        """)
    assert first.predictor.signature_key is None
    assert second.predictor.signature_key == "inline"
    assert (second.predictor.model, second.predictor.config) == ("s3://my-bucket/second", {"a": 1})
    assert second.autoscaling.min_replicas == 2
    assert str(second.compute.cpu) == "200m", "a merge replaces whole values, it does not go deeper"


def test_of_two_merged_maps_the_first_wins(workspace):
    api = workspace.api(f"""\
        - name: my-api
          {PREDICTOR}
          compute:
            <<: [{{gpu: 1}}, {{gpu: 2, cpu: 3}}]
        """)
    assert api.compute.gpu == 1
    assert str(api.compute.cpu) == "3"


def test_a_problem_in_a_merged_map_is_reported_where_it_stands(workspace):
    problems = workspace.problems(f"""\
        - name: first
          {PREDICTOR}
          autoscaling: &scaling
            min_replicas: 0
        - name: second
          {PREDICTOR}
          autoscaling:
            <<: *scaling
        """)
    assert [(p.line, p.api, p.key) for p in problems] == [
        (4, "first", "autoscaling.min_replicas"),
        (4, "second", "autoscaling.min_replicas"),
    ]


def test_an_anchor_may_be_defined_anew(workspace):
    config = workspace.api(workspace.with_key("predictor.config", "{a: &x 1, b: *x, c: &x 2, d: *x}")).predictor.config
    assert config == {"a": 1, "b": 1, "c": 2, "d": 2}


@pytest.mark.parametrize("merged", ["1", "[1]", "[[a]]", "null"])
def test_a_merge_key_takes_maps(workspace, merged):
    problem = workspace.problem(workspace.with_key("predictor.config", f"{{<<: {merged}}}"))
    assert problem.key == "predictor.config.<<"
    assert "takes a map or a list of maps" in problem.message


@pytest.mark.parametrize("config", ["&x {a: *x}", "&x {a: [*x]}", "{a: &x [*x]}"])
def test_an_alias_that_contains_itself(workspace, config):
    assert "contains itself" in workspace.problem(workspace.with_key("predictor.config", config)).message


def test_a_merge_key_that_contains_itself(workspace):
    text = workspace.with_key("predictor.config", "&x {<<: *x}")
    assert "go round in a circle" in workspace.problem(text).message


@pytest.mark.parametrize(
    "template", ["[{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}]", "{{<<: [{0}, {0}]}}", "{{a: {0}, b: {0}}}"]
)
def test_aliases_that_expand_to_too_much(workspace, template):
    links = ["  l0: &l0 {x: 1}"] + [f"  l{i}: &l{i} " + template.format(f"*l{i - 1}") for i in range(1, 60)]
    problem = workspace.problem("- name: bomb\n" + "\n".join(links))
    assert "values, aliases expanded" in problem.message
