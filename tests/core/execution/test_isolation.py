"""A function in a child process: what it gives, what stops it, and that it never outlives who asked."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from llmopt_core.errors import BadInput
from llmopt_core.execution import isolation
from llmopt_core.execution.isolation import IsolationError, Limits, close_children, run_in_child

ROOMY = Limits(memory=1_000_000_000, cpu=60, wall=120)
WORK = """
import os, re, sys, time
from llmopt_core.errors import BadInput

def add(a, b, tell):
    print("noise on stdout")
    for step in (1, 2):
        tell(step, 2, "step")
    return a + b, os.getpid()

def refuse(tell):
    raise BadInput("file line 3: wrong")

def take_memory(tell):
    try:
        held = [bytearray(10_000_000) for _ in range(10_000)]
    except Exception as error:
        raise BadInput("this file is damaged") from error

def pattern(tell):
    re.match(r"(a|a)*b", "a" * 60)

def pattern_announced(path, tell):
    open(path, "w").write(str(os.getpid()))
    pattern(tell)

def sleep(tell):
    time.sleep(600)

def die(tell):
    os.kill(os.getpid(), 11)

def odd(tell):
    return {}["missing"]

def deep(tell):
    return deep(tell)

def environment(tell):
    return dict(os.environ)
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    (tmp_path / "foreign_work.py").write_text(WORK)
    monkeypatch.syspath_prepend(str(tmp_path))
    close_children()
    import foreign_work

    yield foreign_work
    close_children()
    sys.modules.pop("foreign_work")


def call(function, *arguments, limits=ROOMY, on_part=lambda *_: None, heartbeat=lambda: None):
    return run_in_child(function, arguments, limits, on_part=on_part, heartbeat=heartbeat)


def test_results_progress_and_errors_come_back_from_one_warm_child(work):
    messages = []
    total, child = call(work.add, 1, 2, on_part=lambda *part: messages.append(part))
    assert (total, messages) == (3, [(1, 2, "step"), (2, 2, "step")])
    assert child != os.getpid()
    with pytest.raises(BadInput, match=r"^file line 3: wrong$"):
        call(work.refuse)
    assert call(work.add, 3, 4) == (7, child)


def test_a_library_that_calls_it_damage_was_out_of_memory(work):
    with pytest.raises(IsolationError) as error:
        call(work.take_memory, limits=Limits(300_000_000, 60, 120))
    assert (error.value.reason, error.value.detail) == ("memory", "300 MB")


def test_native_code_that_never_looks_up_is_stopped_by_its_cpu_time(work):
    with pytest.raises(IsolationError) as error:
        call(work.pattern, limits=Limits(10**9, 0.5, 300))
    assert (error.value.reason, error.value.detail) == ("time", "0 s")


def test_one_that_waits_is_stopped_by_the_clock(work):
    with pytest.raises(IsolationError, match="time"):
        call(work.sleep, limits=Limits(10**9, 60, 0.5))


@pytest.mark.parametrize(
    ("name", "reason", "detail"),
    [("die", "crash", "SIGSEGV"), ("odd", "failed", "KeyError: 'missing'"), ("deep", "failed", "nested too deeply")],
)
def test_crashes_and_unforeseen_errors_are_told_and_the_next_call_works(work, name, reason, detail):
    with pytest.raises(IsolationError) as error:
        call(getattr(work, name))
    assert error.value.reason == reason
    assert detail in error.value.detail
    assert call(work.add, 1, 1)[0] == 2


def test_what_the_heartbeat_raises_ends_the_child(work, tmp_path):
    def gone():
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call(work.pattern_announced, tmp_path / "pid", heartbeat=gone)
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_no_key_is_within_its_reach(work, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert "OPENAI_API_KEY" not in call(work.environment)


def test_an_idle_child_that_ended_is_replaced(work):
    first = call(work.add, 1, 1)[1]
    os.kill(first, signal.SIGKILL)
    assert call(work.add, 1, 1)[1] != first


def test_more_callers_than_children_wait_their_turn(work, monkeypatch):
    import threading

    monkeypatch.setattr(isolation, "_pool", isolation.ChildPool(1))
    matches = []
    threads = [threading.Thread(target=lambda n=n: matches.append(call(work.add, n, n)[0])) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(matches) == [0, 2, 4, 6, 8, 10]


@pytest.mark.parametrize("unguarded", [True, False])
def test_a_killed_owner_takes_its_busy_child_along_and_its_script_is_not_run_again(work, tmp_path, unguarded):
    script = f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        import foreign_work
        from llmopt_core.execution.isolation import Limits, run_in_child
        open({str(tmp_path / "runs")!r}, "a").write("run\\n")
        {"if True" if unguarded else 'if __name__ == "__main__"'}:
            run_in_child(
                foreign_work.pattern_announced, [{str(tmp_path / "pid")!r}], Limits(10**9, 300, 300),
                on_part=print, heartbeat=lambda: None,
            )
    """
    file = tmp_path / "owner.py"
    file.write_text(textwrap.dedent(script))
    owner = subprocess.Popen([sys.executable, file])
    try:
        while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()):
            assert owner.poll() is None
            time.sleep(0.02)
    finally:
        owner.kill()
        owner.wait()
    child = int((tmp_path / "pid").read_text())
    psutil.wait_procs([psutil.Process(child)] if psutil.pid_exists(child) else [], timeout=30)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
    assert (tmp_path / "runs").read_text() == "run\n"


def test_it_works_where_only_the_current_folder_leads_to_the_program(tmp_path):
    code = (
        "import os, time; from llmopt_core.execution.isolation import Limits, run_in_child; os.chdir('/')\n"
        "from llmopt_core.documents.readers import read_file\n"
        "from llmopt_core.documents.reading_options import ReadingOptions\n"
        "limits, file = Limits(10**9, 60, 120), ('a.txt', b'read', ReadingOptions())\n"
        "print(run_in_child(read_file, file, limits, on_part=print, heartbeat=int)[0].text)"
    )
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    root = Path(isolation.__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environ, capture_output=True, text=True, check=False
    )
    assert (result.stdout, result.returncode) == ("read\n", 0), result.stderr
