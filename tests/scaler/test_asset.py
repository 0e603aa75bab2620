"""What the Lambda is made of runs with the standard library and botocore alone."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ["__init__.py", "autoscaling", "scaler"]
BOTO = ["boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3", "certifi"]

BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in {allowed} and top != "cortex_cdk":
            raise ModuleNotFoundError("blocked: " + name, name=name)

sys.meta_path.insert(0, Blocker())
{statement}
import cortex_cdk
print(cortex_cdk.__file__)
"""


def run(folder, statement, allowed):
    for part in PARTS:
        source = ROOT / "cortex_cdk" / part
        copy = shutil.copytree if source.is_dir() else shutil.copy
        (folder / "cortex_cdk").mkdir(exist_ok=True)
        copy(source, folder / "cortex_cdk" / part)
    code = BLOCKED.format(allowed=allowed, statement=f"sys.path.insert(0, {str(folder)!r})\n{statement}")
    return subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, cwd=folder)


def test_the_handler_needs_the_standard_library_and_boto_alone(tmp_path):
    done = run(tmp_path, "from cortex_cdk.scaler.handler import handler, dispatch, tick", BOTO)
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout  # not the installed package


def test_tags_are_made_with_the_standard_library_alone(tmp_path):
    statement = "from cortex_cdk.scaler.service_tags import parse, tags_of"
    assert run(tmp_path, statement, []).returncode == 0


def test_the_blocker_blocks(tmp_path):
    done = run(tmp_path, "import pydantic", BOTO)
    assert "blocked: pydantic" in done.stderr
