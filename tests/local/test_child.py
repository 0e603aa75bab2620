"""A child process is kept alive, ends when told to, and leaves nothing behind."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from cortex_cdk.local.child import Child

DEADLINE_S = 30


def python(source: str) -> list[str]:
    return [sys.executable, "-c", source]


async def until(condition) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)


def run(coroutine) -> None:
    asyncio.run(coroutine)


def test_it_is_started_again_when_it_dies():
    async def scenario():
        said = []
        child = Child("it", python("import time; time.sleep(60)"), say=said.append)
        child.start()
        await until(lambda: child.pid)
        first = child.pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: child.pid not in (None, first))
        await child.stop(DEADLINE_S)
        assert child.pid is None
        assert f"it (pid {first}) was ended by SIGKILL; starting it again" in said[0]

    run(scenario())


def test_a_final_code_ends_it_for_good():
    async def scenario():
        ended = []
        child = Child("it", python("raise SystemExit(3)"), final_codes=frozenset({3}), on_final=ended.append)
        child.start()
        await until(lambda: ended)
        assert ended == [3]
        assert child.final_code == 3
        await child.stop(DEADLINE_S)

    run(scenario())


def test_other_codes_do_not(tmp_path: Path):
    async def scenario():
        starts = tmp_path / "starts"
        child = Child("it", python(f"open({str(starts)!r}, 'a').write('x'); raise SystemExit(4)"))
        child.start()
        await until(lambda: starts.exists() and len(starts.read_text()) >= 2)
        await child.stop(DEADLINE_S)

    run(scenario())


@pytest.mark.parametrize("ignores", [False, True])
def test_what_it_started_ends_with_it(tmp_path: Path, ignores: bool):
    """Also when it does not end when asked to."""

    async def scenario():
        grandchild = tmp_path / "grandchild"
        child = Child(
            "it",
            python(
                "import subprocess, sys, signal, time\n"
                f"if {ignores}: signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
                f"open({str(grandchild)!r}, 'w').write(str(p.pid))\n"
                "time.sleep(60)"
            ),
        )
        child.start()
        await until(lambda: grandchild.exists() and grandchild.read_text())
        pid = child.pid
        await child.stop(0.5 if ignores else DEADLINE_S)
        await until(lambda: not alive(pid))
        await until(lambda: not alive(int(grandchild.read_text())))

    run(scenario())


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_stop_while_it_waits_to_start_again():
    async def scenario():
        said = []
        child = Child("it", python("raise SystemExit(1)"), say=said.append)
        child.start()
        await until(lambda: len(said) >= 3)  # the third wait is 2 s
        await child.stop(DEADLINE_S)
        count = len(said)
        await asyncio.sleep(0.1)
        assert len(said) == count

    run(scenario())


def test_stop_before_start_and_twice():
    async def scenario():
        child = Child("it", python("import time; time.sleep(60)"))
        await child.stop(1)
        child.start()
        await until(lambda: child.pid)
        await child.stop(DEADLINE_S)
        await child.stop(DEADLINE_S)

    run(scenario())


def test_stop_while_it_is_being_started():
    """Whatever the moment: at none of them it may be waited for until it ends by itself."""

    async def scenario():
        for turns in range(12):  # of the event loop; the process is there after some of them
            child = Child("it", python("import time; time.sleep(600)"))
            child.start()
            for _ in range(turns):
                await asyncio.sleep(0)
            async with asyncio.timeout(DEADLINE_S):
                await child.stop(DEADLINE_S)
            assert child.pid is None

    run(scenario())


def test_a_program_that_cannot_be_started_is_said_and_tried_again(tmp_path: Path):
    async def scenario():
        said = []
        program = tmp_path / "program"
        child = Child("it", [str(program)], say=said.append)
        child.start()
        await until(lambda: said)
        assert said == ["it could not be started: No such file or directory; starting it again in 0.5 s"]
        program.write_text(f"#!{sys.executable}\nimport time; time.sleep(60)")
        program.chmod(0o755)
        await until(lambda: child.pid)
        await child.stop(DEADLINE_S)

    run(scenario())
