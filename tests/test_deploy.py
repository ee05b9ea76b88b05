"""The job files of deploy/: parsed, and their commands run with a stand-in for the command line."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT

from pipeline.run_options import run_config
from pipeline.shards import plan

DEPLOY = ROOT / "deploy"
SBATCH = ("shards.sbatch", "gather.sbatch")
TOLD = """#!/bin/sh
echo "$@" >> "$TOLD"
case " $* " in *" --index ${FAIL:-none} "*) exit 1 ;; esac
"""


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a stand-in for jit-synthesis, first on the path, is called with: a line a call."""
    (tmp_path / "bin").mkdir()
    for name in ("jit-synthesis", "ray"):
        (tmp_path / "bin" / name).write_text(TOLD)
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    return tmp_path / "told"


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text()))


def container(of: dict[str, Any]) -> dict[str, Any]:
    """The one container of a job, or of a group of a Ray cluster."""
    (found,) = of.get("spec", of)["template"]["spec"]["containers"]
    return found


def shards_of(command: str) -> int:
    """How many shards a command's options ask for."""
    words = shlex.split(command)
    config, count = (words[words.index(f"--{name}") + 1] for name in ("config", "count"))
    return len(plan(run_config(config, int(count), None, None)))


def slurm(script: str, *words: str, task: int, tasks: int, **env: str) -> int:
    env |= {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_TASK_COUNT": str(tasks)}
    done = subprocess.run(["bash", DEPLOY / script, *words], env=os.environ | env, check=False)
    return done.returncode


@pytest.mark.parametrize("name", SBATCH)
def test_a_batch_script_is_one(name: str) -> None:
    subprocess.run(["bash", "-n", DEPLOY / name], check=True)
    lines = (DEPLOY / name).read_text().splitlines()
    assert lines[0] == "#!/bin/bash"
    options = [line for line in lines if line.startswith("#SBATCH ")]
    assert all(re.fullmatch(r"#SBATCH --[a-z-]+(=\S+)?", option) for option in options)
    code = next(at for at, line in enumerate(lines) if line and not line.startswith("#"))
    assert lines.index(options[-1]) < code  # SLURM reads no further
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", DEPLOY / name], check=True)
    if shutil.which("sbatch"):
        subprocess.run(["sbatch", "--test-only", "--array=0-1", DEPLOY / name], check=True)


def test_each_job_of_a_slurm_array_makes_its_share(told: Path) -> None:
    words = ["--config", "jax", "--count", "100000", "--output", "/shared/my jax"]
    for task in range(3):
        assert slurm("shards.sbatch", *words, task=task, tasks=3) == 0
    calls = told.read_text().splitlines()
    head = "shard --config jax --count 100000 --output /shared/my jax --index"
    assert calls == [f"{head} {index}" for index in range(3)]
    told.unlink()
    assert slurm("shards.sbatch", *words, task=17, tasks=2) == 0  # of --array=3,17
    assert told.read_text() == f"{head} 17\n"
    told.unlink()
    for task in range(3):
        code = slurm("shards.sbatch", *words, task=task, tasks=3, SHARDS="8", FAIL="1")
        assert code == (1 if task == 1 else 0)
    found = [int(call.split()[-1]) for call in told.read_text().splitlines()]
    assert found == [0, 3, 6, 1, 4, 7, 2, 5]


def test_without_an_array_it_says_how(told: Path) -> None:
    script = ["bash", DEPLOY / "shards.sbatch", "--config", "jax"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "no job of an array: sbatch --array=" in done.stderr
    assert not told.exists()


def test_the_array_in_the_comment_is_as_long_as_its_run() -> None:
    text = (DEPLOY / "shards.sbatch").read_text()
    (last,) = set(re.findall(r"sbatch --array=0-(\d+) deploy/shards", text))
    (command,) = re.findall(r"shards\.sbatch (--config .*)", text)
    assert shards_of(command) == int(last) + 1


def test_the_kubernetes_job_makes_a_shard_a_pod(told: Path) -> None:
    (job,) = documents("kubernetes.yaml")
    spec = job["spec"]
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    assert (spec["completionMode"], spec["template"]["spec"]["restartPolicy"]) == (
        "Indexed",
        "Never",
    )
    command = container(job)["command"]
    assert spec["completions"] == shards_of(command[-1])
    assert spec["backoffLimitPerIndex"] > 0
    assert spec["maxFailedIndexes"] == spec["completions"]  # one that fails stops no other
    subprocess.run(command, env=os.environ | {"JOB_COMPLETION_INDEX": "17"}, check=True)
    head = "shard --config jax --count 100000 --output s3://bucket/jax"
    assert told.read_text() == f"{head} --index 17\n"
    (gather,) = documents("kubernetes-gather.yaml")
    assert container(gather)["command"] == ["jit-synthesis", "gather", "s3://bucket/jax"]
    assert gather["spec"]["backoffLimit"] == 0


def test_the_ray_cluster_has_a_token_and_neither_dashboard_nor_client(told: Path) -> None:
    cluster, job = documents("kuberay.yaml")
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    spec = cluster["spec"]
    assert spec["rayVersion"] == metadata.version("ray")
    assert spec["authOptions"] == {"mode": "token"}
    head, (workers,) = spec["headGroupSpec"], spec["workerGroupSpecs"]
    assert head["rayStartParams"]["include-dashboard"] == "false"
    assert head["rayStartParams"]["num-cpus"] == "0"
    ports = [port["containerPort"] for port in container(head)["ports"]]
    assert ports == [6379]
    for group, port in ((head, 6379), (workers, 6380)):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        for probe in ("livenessProbe", "readinessProbe"):
            assert container(group)[probe]["tcpSocket"] == {"port": port}
    driver = container(job)
    token = {of["name"]: of for of in driver["env"]}["RAY_AUTH_TOKEN"]["valueFrom"]
    assert token["secretKeyRef"] == {"name": cluster["metadata"]["name"], "key": "auth_token"}
    subprocess.run(driver["command"], check=True)
    name = cluster["metadata"]["name"]
    assert told.read_text().splitlines() == [
        f"start --address={name}-head-svc:6379 --num-cpus=0 --object-store-memory=100000000",
        "scale --config jax --count 10000000 --output s3://bucket/jax --engine ray --address auto",
        "gather s3://bucket/jax",
    ]


def test_the_image_has_the_python_that_ci_tests_with_and_the_extras() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    assert re.search(r"^FROM python:3\.11\.\d+-slim$", text, re.MULTILINE)
    assert "--constraint /src/constraints.txt" in text
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"publish", "scale"} <= project["optional-dependencies"].keys()
    assert '"/src[publish,scale]"' in text
