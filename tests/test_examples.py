"""The training scripts as users run them: the loss falls, and nothing is asked of the network."""

from __future__ import annotations

import re
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

from jit_synthesis import JitSynthesis

EXAMPLES = ROOT / "examples"
SCRIPTS = ["finetune_transformers", "finetune_trl"]
QUICK = ["--steps", "12", "--batch", "4", "--max-length", "256", "--seed", "3"]

NOT_THERE = (
    b"HTTP/1.1 404 Not Found\r\nX-Error-Code: RepoNotFound\r\n"
    b"Connection: close\r\nContent-Length: 0\r\n\r\n"
)

pytestmark = pytest.mark.examples


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A folder of Parquet as the builder writes it."""
    folder = tmp_path_factory.mktemp("parquet")
    options = {"num_train": 48, "num_validation": 6, "num_test": 0, "mode": "forward"}
    builder = JitSynthesis(
        config_name="warp", cache_dir=str(tmp_path_factory.mktemp("cache")), **options
    )
    builder.download_and_prepare(str(folder), file_format="parquet")
    return folder


class Proxy:
    """The only way out that a process is told of; it notes what is asked, and has nothing."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.asked: list[str] = []
        threading.Thread(target=self._refuse, daemon=True).start()
        url = "http://{}:{}".format(*self.server.getsockname())
        names = ("http_proxy", "https_proxy", "all_proxy")
        # Not offline: what would be asked of the Hub must be seen to be asked.
        self.env = dict.fromkeys([*names, *map(str.upper, names)], url) | {
            "HF_HUB_OFFLINE": "0",
            "HF_ENDPOINT": "http://hub.invalid",
            # What TRL and datasets tell their makers, see examples/README.md.
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",
            "OMP_NUM_THREADS": "1",  # beside other tests, more threads wait for each other
            "NO_PROXY": "",
            "no_proxy": "",
        }

    def _refuse(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return  # closed
            with connection:
                self.asked.append(connection.recv(4096).decode(errors="replace"))
                connection.sendall(NOT_THERE)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    made = Proxy()
    yield made
    made.server.close()


def losses(text: str) -> list[float]:
    """Training loss first and last, validation loss before and after."""
    found = re.search(r"first (\S+)  last (\S+)\nvalidation loss before (\S+) after (\S+)", text)
    assert found, text
    return [float(number) for number in found.groups()]


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_loss_falls_and_goes_on_from_there(script, data, proxy, processes, tmp_path):
    path, home, saved = EXAMPLES / f"{script}.py", tmp_path / "hf", tmp_path / "model"
    call = [path, "--data", data, *QUICK]
    env = proxy.env | {"HF_HOME": str(home)}
    done = processes.run(*call, "--output", saved, cwd=tmp_path, **env)
    assert done.returncode == 0, done.stderr
    first, last, before, after = losses(done.stdout)
    assert last < first - 1
    assert after < before - 1

    # The saved model is taken up as any pretrained one is.
    again = processes.run(*call, "--model", saved, "--lr", "0", cwd=tmp_path, **env)
    assert losses(again.stdout)[2:] == [after, after]
    assert again.returncode == 1  # nothing learnt at a learning rate of 0
    assert again.stderr.splitlines()[-1] == "error: the loss on validation rows did not fall"

    assert proxy.asked == []
    assert not (home / "hub").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"hf", "model"}
    processes.assert_none_left()


def test_rows_made_while_they_are_read(proxy, processes, tmp_path):
    done = processes.run(
        EXAMPLES / "finetune_transformers.py",
        *["--config", "jax", "--completion", "hlo_optimized", *QUICK, "--steps", "6"],
        cwd=tmp_path,
        **proxy.env | {"HF_HOME": str(tmp_path / "hf")},
    )
    assert done.returncode == 0, done.stderr
    first, last, before, after = losses(done.stdout)
    assert last < first
    assert after < before
    assert proxy.asked == []
    processes.assert_none_left()


@pytest.mark.parametrize("script", SCRIPTS)
def test_errors_are_one_line(script, proxy, processes, tmp_path):
    """And what is not there is asked for: the proxy does see what is asked."""
    env = proxy.env | {"HF_HOME": str(tmp_path)}
    done = processes.run(EXAMPLES / f"{script}.py", "--data", "me/not-there", **env)
    assert done.returncode == 1
    assert re.fullmatch(r"error: .*'me/not-there' doesn't exist on the Hub.*\n", done.stderr)
    assert any("hub.invalid/datasets/me/not-there" in asked for asked in proxy.asked)


@pytest.fixture
def scripts(monkeypatch) -> dict:
    """The modules of examples/, imported."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import finetune_transformers
    import finetune_trl
    import tiny

    return {
        "tiny": tiny,
        "finetune_transformers": finetune_transformers,
        "finetune_trl": finetune_trl,
    }


def chosen(scripts, monkeypatch, *words: object):
    """The options of a command line."""
    monkeypatch.setattr(sys, "argv", ["example", *map(str, words)])
    return scripts["tiny"].options("An example.")


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(("prompt", "completion"), [("python", "cuda"), ("cuda", "python")])
def test_the_loss_counts_the_completion_alone(
    script, prompt, completion, scripts, data, monkeypatch, tmp_path
):
    words = ["--data", data, "--prompt", prompt, "--completion", completion, "--batch", "3"]
    options = chosen(scripts, monkeypatch, *words, "--max-length", "4096")
    trainer = scripts[script].make_trainer(options, str(tmp_path))
    rows = list(scripts["tiny"].splits(options)[0].take(3))
    tokenizer = trainer.processing_class
    batch = next(iter(trainer.get_train_dataloader()))
    for row, ids, labels, read in zip(
        rows, batch["input_ids"], batch["labels"], batch["attention_mask"], strict=True
    ):
        counted = labels != -100
        assert (labels[counted] == ids[counted]).all()
        assert tokenizer.decode(ids[counted]) == row[completion] + "<eos>"
        before = tokenizer.decode(ids[~counted & (read == 1)])
        assert row[prompt] in before
        assert row[completion] not in before
        assert not counted[read == 0].any()


def test_long_rows_are_cut(scripts, data, monkeypatch, tmp_path):
    make = scripts["finetune_transformers"].make_trainer
    options = chosen(scripts, monkeypatch, "--data", data, "--max-length", "4096")
    whole = list(make(options, str(tmp_path)).train_dataset)
    assert len(whole) == 48
    prompts = sorted(row["labels"].count(-100) for row in whole)
    options.max_length = length = prompts[24]
    cut = list(make(options, str(tmp_path)).train_dataset)
    expected = [{k: v[:length] for k, v in row.items()} for row in whole]
    assert cut == [row for row in expected if row["labels"][-1] != -100]
    assert 12 < len(cut) <= 24

    options.max_length = 8
    with pytest.raises(SystemExit, match="leaves nothing of any completion: raise --max-length"):
        scripts["tiny"].train_and_compare(make(options, str(tmp_path)), None)


def test_a_repository_of_several_configs(scripts, data, monkeypatch, tmp_path):
    """The layout of a published one: folders, told in the card's front matter."""
    card = ["---", "configs:"]
    for config in ("warp", "other"):
        card += [f"- config_name: {config}", "  data_files:"]
        for split in ("train", "validation"):
            card += [f"  - split: {split}", f"    path: {config}/{split}-*"]
            [path] = data.glob(f"*-{split}.parquet")
            (tmp_path / config).mkdir(exist_ok=True)
            (tmp_path / config / f"{split}-00000-of-00001.parquet").symlink_to(path)
    (tmp_path / "README.md").write_text("\n".join([*card, "---", ""]))
    splits = scripts["tiny"].splits
    train, validation = splits(chosen(scripts, monkeypatch, "--data", tmp_path, "--config", "warp"))
    assert [len(list(train)), len(list(validation))] == [48, 6]
    with pytest.raises(ValueError, match="Config name is missing"):
        splits(chosen(scripts, monkeypatch, "--data", tmp_path))


def test_data_that_will_not_do(scripts, data, monkeypatch, tmp_path):
    splits = scripts["tiny"].splits
    with pytest.raises(ValueError, match=r"no text in column 'hlo_forward' of .* only in kernel"):
        splits(chosen(scripts, monkeypatch, "--data", data, "--prompt", "hlo_forward"))
    with pytest.raises(ValueError, match="BuilderConfig 'jax' not found"):
        splits(chosen(scripts, monkeypatch, "--data", data, "--config", "jax"))
    with pytest.raises(FileNotFoundError, match="not-there"):
        splits(chosen(scripts, monkeypatch, "--data", tmp_path / "not-there"))
    [*_, path] = sorted(data.glob("*-train*.parquet"))
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "train.parquet").symlink_to(path)
    with pytest.raises(ValueError, match="has no split 'validation', only train"):
        splits(chosen(scripts, monkeypatch, "--data", alone))
    train, validation = splits(chosen(scripts, monkeypatch, "--data", alone / "train.parquet"))
    assert [len(list(train)), len(list(validation))] == [16, 32]
