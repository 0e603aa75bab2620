"""Predictor files, checked without running them."""

from __future__ import annotations

from textwrap import dedent

import pytest

from cortex_cdk.spec.predictor_source import check

INIT = "def __init__(self, tensorflow_client, config): pass"
PREDICT = "def predict(self, payload): pass"
CLASS = f"class TensorFlowPredictor:\n    {INIT}\n    {PREDICT}\n"


def problems(tmp_path, source):
    file = tmp_path / "predictor.py"
    file.write_bytes(source if isinstance(source, bytes) else dedent(source).encode())
    return check(file, api="my-api", shown_as="predictor.py")


def test_nothing_runs(tmp_path):
    witness = tmp_path / "witness"
    source = f"open({str(witness)!r}, 'w')\nraise SystemExit\nimport nothing_of_this_name\n{CLASS}"
    assert problems(tmp_path, source) == []
    assert not witness.exists()


@pytest.mark.parametrize(
    "source",
    [
        CLASS,
        CLASS.replace(":\n", "(object):\n", 1),
        "if True:\n" + "".join(f"    {line}\n" for line in CLASS.splitlines()),
        "try:\n    import x\nexcept ImportError:\n" + "".join(f"    {line}\n" for line in CLASS.splitlines()),
        "with open('x') as f:\n" + "".join(f"    {line}\n" for line in CLASS.splitlines()),
        "class TensorFlowPredictor: pass\n" + CLASS,
        "class TensorFlowPredictor(Base): pass",
        f"class TensorFlowPredictor(Base):\n    {PREDICT}",
        f"class TensorFlowPredictor(metaclass=Meta):\n    {PREDICT}",
        f"@decorated\nclass TensorFlowPredictor:\n    {PREDICT}",
        "from mine import TensorFlowPredictor",
        "from mine import Predictor as TensorFlowPredictor",
        "import mine as TensorFlowPredictor",
        "from mine import *",
        "TensorFlowPredictor = make()",
        "TensorFlowPredictor: type = make()",
        "(a, TensorFlowPredictor) = make()",
        "for TensorFlowPredictor in make(): pass",
        "if (TensorFlowPredictor := make()): pass",
        "globals()['TensorFlowPredictor'] = make()",
        "def install():\n    global TensorFlowPredictor\n    TensorFlowPredictor = make()\ninstall()",
        "class TensorFlowPredictor: pass\nTensorFlowPredictor = make(TensorFlowPredictor)",
        CLASS.replace("tensorflow_client, config", "tensorflow_client: 'T', config: dict"),
        CLASS.replace("payload)", "payload: list[str]) -> str"),
        f"class TensorFlowPredictor:\n    def __init__(self, tensorflow_client, config={{}}): pass\n    {PREDICT}",
        f"class TensorFlowPredictor:\n    {INIT}\n    def predict(self, payload, *args, extra=None, **kwargs): pass",
        f"class TensorFlowPredictor:\n    {INIT}\n    def predict(self, payload, extra=1, /): pass",
        f"class TensorFlowPredictor:\n    {INIT}\n    predict = other",
        f"class TensorFlowPredictor:\n    {INIT}\n    @inject\n    def predict(self, payload, db): pass",
        f"class TensorFlowPredictor:\n    {INIT}\n    if x:\n        {PREDICT}\n    else:\n        {PREDICT}",
        "def x():\n    def TensorFlowPredictor(): pass\n" + CLASS,
        b"\xef\xbb\xbf" + CLASS.encode(),
        b"# -*- coding: latin-1 -*-\n# \xe4\n" + CLASS.encode(),
        CLASS.replace("\n", "\r\n").encode(),
        "match x:\n    case 1:\n" + "".join(f"        {line}\n" for line in CLASS.splitlines()),
    ],
)
def test_accepted(tmp_path, source):
    assert [str(problem) for problem in problems(tmp_path, source)] == []


@pytest.mark.parametrize(
    ("source", "line", "column", "words"),
    [
        ("", None, None, "the class TensorFlowPredictor is not defined"),
        ("def f():\n    class TensorFlowPredictor: pass", None, None, "is not defined"),
        ("class A:\n    class TensorFlowPredictor: pass", None, None, "is not defined"),
        ("def TensorFlowPredictor(client, config): pass", 1, 1, "TensorFlowPredictor is a function"),
        (f"class TensorFlowPredictor:\n    {PREDICT}", 1, 1, "has no method `__init__`"),
        (f"class TensorFlowPredictor(object):\n    {INIT}", 1, 1, "has no method `predict`"),
        (f"class TensorFlowPredictor:\n    {INIT}\n    async {PREDICT}", 3, 5, "is `async def`"),
        (f"class TensorFlowPredictor:\n    {INIT}\n    @staticmethod\n    {PREDICT}", 4, 5, "is a staticmethod"),
        (f"class TensorFlowPredictor:\n    {INIT}\n    @classmethod\n    {PREDICT}", 4, 5, "is a classmethod"),
        (f"class TensorFlowPredictor:\n    {INIT}\n    @property\n    {PREDICT}", 4, 5, "is a property"),
        (f"class TensorFlowPredictor:\n    {INIT}\n    class predict: pass", 3, 5, "predict is a class"),
        (f"class TensorFlowPredictor:\n    {INIT}\n    def predict(self): pass", 3, 5, "`def predict(self, payload)`"),
        (
            f"class TensorFlowPredictor:\n    def __init__(self, client, config=dict(a=1)): pass\n    {PREDICT}",
            2,
            5,
            "`def __init__(self, tensorflow_client, config)`, but is `def __init__(self, client, config=dict(a=1))`",
        ),
        (f"{CLASS}    def predict(self, x: int, *, y): pass", 4, 5, "but is `def predict(self, x"),
        (CLASS + "class TensorFlowPredictor: pass", 4, 1, "has no method"),
        (f"x = 'ä'; {CLASS}".replace("payload", "x"), None, None, "not valid Python"),
        ("class TensorFlowPredictor\n    pass", 1, 26, "not valid Python: expected ':'"),
        (CLASS + "x = (1,\n", 4, 5, "not valid Python: '(' was never closed"),
        (CLASS + "def f(a, a): pass", 4, None, "not valid Python: duplicate argument 'a'"),
        (CLASS + "return 1", 4, 1, "not valid Python: 'return' outside function"),
        (b"# coding: utf-99\n" + CLASS.encode(), None, None, "not valid Python: unknown encoding"),
        (CLASS.encode() + b"x = '\xff'\n", None, None, "not valid Python"),
        (CLASS.encode() + b"\0", None, None, "not valid Python"),
        ("x = " + "(" * 5000, None, None, "not valid Python"),
        ("x = " + "-" * 100_000 + "1", None, None, "not valid Python"),
    ],
)
def test_refused(tmp_path, source, line, column, words):
    found = problems(tmp_path, source)
    assert found
    assert words in found[0].message
    assert (found[0].file, found[0].api) == ("predictor.py", "my-api")
    if line is not None:
        assert found[0].line == line
    if column is not None:
        assert found[0].column == column


def test_every_method_at_once(tmp_path):
    found = problems(
        tmp_path, "class TensorFlowPredictor:\n    def __init__(self): pass\n    async def predict(self): pass"
    )
    assert [problem.line for problem in found] == [2, 3]
    assert found[0].allowed is None
    assert found[1].allowed == "def predict(self, payload)"


def test_each_branch_is_checked(tmp_path):
    source = f"""\
        class TensorFlowPredictor:
            {INIT}
            if x:
                def predict(self): pass
            elif y:
                {PREDICT}
            else:
                def predict(self, a): pass
        """
    assert [problem.line for problem in problems(tmp_path, source)] == [4, 8]


def test_what_a_later_definition_replaces_is_not_checked(tmp_path):
    source = f"class TensorFlowPredictor:\n    {INIT}\n    def predict(self): pass\n    {PREDICT}\n"
    assert problems(tmp_path, source) == []


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("class PythonPredictor: pass\nclass A: pass", "rename the class PythonPredictor to TensorFlowPredictor"),
        ("class Model: pass", "rename the class Model to TensorFlowPredictor"),
        ("def init(client, config): pass", "define `class TensorFlowPredictor:`"),
    ],
)
def test_another_class(tmp_path, source, hint):
    (problem,) = problems(tmp_path, source)
    assert problem.hint == hint


def test_a_file_that_cannot_be_read(tmp_path):
    (problem,) = check(tmp_path)
    assert problem.message == "cannot be read: Is a directory"
    assert problem.file == str(tmp_path)


def test_reported_with_the_problems_of_the_file_that_names_it(workspace, monkeypatch):
    workspace.write("bad/p.py", "class TensorFlowPredictor: pass\n")
    workspace.write("cortex.yaml", workspace.with_key("predictor.path", "bad/p.py").replace("my-api", "My"))
    monkeypatch.chdir(workspace.folder.parent)
    from cortex_cdk.spec import check as check_project

    found = check_project(f"{workspace.folder.name}/cortex.yaml")[1]
    assert [(p.file, p.line, p.api) for p in found] == [
        (f"{workspace.folder.name}/cortex.yaml", 1, "My"),
        (f"{workspace.folder.name}/bad/p.py", 1, "My"),
        (f"{workspace.folder.name}/bad/p.py", 1, "My"),
    ]
