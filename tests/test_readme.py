"""Every command of the README is run here, as it stands there."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from support.data import REPOSITORY
from support.server import START_TIMEOUT_S, free_port

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```\n(.*?)```", README, re.DOTALL) for line in block.splitlines() if line]


def command(*words):
    """The README's one command that holds all of ``words``."""
    found = [line for line in COMMANDS if all(word in line for word in words)]
    assert len(found) == 1, (words, found)
    return found[0]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """`make run`, exactly as the README says, on a port and an instance folder of its own."""
    instance, port = tmp_path_factory.mktemp("readme"), free_port()
    environment = {**os.environ, "MAXSIGHT_INSTANCE_DIR": str(instance)}
    line = command("PORT=8080").replace("8080", str(port))
    log = (instance / "make-run.log").open("w+")
    process = subprocess.Popen(["bash", "-c", f"exec env {line}"], cwd=REPOSITORY, env=environment, stdout=log,
                               stderr=subprocess.STDOUT, start_new_session=True)
    url, ends = f"http://127.0.0.1:{port}", time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < ends and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    break
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    yield process, url, instance, log.name
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)


def test_the_readme_names_exactly_the_commands_that_are_run_here():
    assert sorted(COMMANDS) == sorted([
        "make run", command("PORT=8080"), "make test", "make weights", command("maxsight_core.process"),
        command("maxsight_core.bench --quick"), command("maxsight_core.bench.sockets"),
        command("maxsight_core.models"),
    ])
    assert command("PORT=8080").endswith("make run")


def test_make_run_sets_up_serves_and_prints_the_demo_passwords_once(running):
    _, url, instance, log = running
    with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:
        assert answer.status == 200
    printed = Path(log).read_text(encoding="utf-8")
    for login in json.loads((instance / "demo_logins.json").read_text(encoding="utf-8")).values():
        assert login["email"] in printed
        assert login["password"] in printed


def test_the_socket_bench_runs_beside_it_and_no_frame_stays_without_a_reply(running, tmp_path):
    _, url, instance, _ = running
    login = json.loads((instance / "demo_logins.json").read_text(encoding="utf-8"))["developer"]
    line = command("maxsight_core.bench.sockets").replace("http://127.0.0.1:5000", url)
    line = line.replace("--seconds 10", "--seconds 3")
    out = tmp_path / "sockets.json"
    done = subprocess.run([*shlex.split(line), "--json", str(out), "--email", login["email"], "--password",
                           login["password"]], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(out.read_text(encoding="utf-8"))
    assert figures["sessions"] == 4
    assert figures["frames_without_reply"] == 0
    assert figures["frames_answered_twice"] == 0
    assert figures["results"] + sum(figures["dropped"].values()) == figures["frames_sent"] > 0
    assert min(figures["results_per_session"]) > 0, "a session was not served"
    assert set(figures["rtt_ms"]) == {"p50", "p95", "p99"}


def test_ctrl_c_stops_it_cleanly(running):
    process, url, _, log = running
    os.killpg(process.pid, signal.SIGINT)
    process.wait(30)
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{url}/healthz", timeout=2)
    assert "Traceback" not in Path(log).read_text(encoding="utf-8")


def test_make_test_runs_pytest():
    done = subprocess.run(["make", "test", "TESTS=tests/test_outputs.py -q"], cwd=REPOSITORY, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert re.search(r"\d+ passed", done.stdout)


def test_make_weights_fetches_or_says_in_one_line_why_not(tmp_path):
    environment = {**os.environ, "MAXSIGHT_WEIGHTS_DIR": str(tmp_path), "https_proxy": "http://127.0.0.1:9",
                   "HTTPS_PROXY": "http://127.0.0.1:9"}
    done = subprocess.run(["make", "weights"], cwd=REPOSITORY, env=environment, capture_output=True, text=True,
                          check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "internet" in (done.stdout + done.stderr)


def test_the_command_line_and_the_bench_run_as_written(tmp_path):
    line = command("maxsight_core.process").replace("out.jsonl", str(tmp_path / "out.jsonl"))
    line = line.replace("out.mp4", str(tmp_path / "out.mp4"))
    done = subprocess.run(shlex.split(line), cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()) == 20
    assert (tmp_path / "out.mp4").stat().st_size > 10_000
    bench = [*shlex.split(command("maxsight_core.bench --quick")), "--json", str(tmp_path / "bench.json")]
    done = subprocess.run(bench, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert figures["failed"] == {}
    assert figures["details"]["frame_path"]["total_ms"]["p95"] > 0
    assert figures["rss_mb"] > 0


def test_the_models_command_prints_every_tier():
    done = subprocess.run(shlex.split(command("maxsight_core.models")), cwd=REPOSITORY, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in ("T0_BASELINE_CNN", "T5_TEMPORAL"))


def test_every_variable_that_the_code_reads_is_in_the_settings():
    told = (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8")
    files = [path for folder in ("app", "maxsight_core", "scripts") for path in (REPOSITORY / folder).rglob("*")
             if path.suffix in (".py", ".sh")]
    read = {name for path in (*files, REPOSITORY / "gunicorn.conf.py")
            for name in re.findall(r"MAXSIGHT_[A-Z][A-Z0-9_]*[A-Z]", path.read_text(encoding="utf-8"))}
    assert read
    assert not {name for name in read if f"`{name}`" not in told}
