import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from portal.embedded.processes import alive
from portal.embedded.valkey import Valkey


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path, tmp_path, log=tmp_path / "log")
    server.start()
    yield server
    server.stop()


def test_full_broker_refuses_instead_of_forgetting(valkey: Valkey) -> None:
    with redis.Redis.from_url(valkey.url()) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_valkey_listens_on_a_private_socket_only(valkey: Valkey) -> None:
    with redis.Redis.from_url(valkey.url()) as client:
        assert client.config_get("port") == {"port": "0"}
    assert stat.S_IMODE(valkey.socket.stat().st_mode) == 0o700


def test_running_valkey_is_adopted_and_stopped_too(valkey: Valkey, tmp_path: Path) -> None:
    second = Valkey(tmp_path, tmp_path, log=tmp_path / "log")
    second.start()
    assert valkey.process is not None
    assert second.adopted_pid == valkey.process.pid
    second.stop()
    assert not alive(valkey.process.pid)


def test_killed_valkey_starts_again_over_its_old_socket(valkey: Valkey) -> None:
    assert valkey.process is not None
    os.kill(valkey.process.pid, signal.SIGKILL)
    valkey.process.wait()
    assert valkey.socket.exists()
    assert not valkey.running()
    valkey.start()
    assert valkey.running()
