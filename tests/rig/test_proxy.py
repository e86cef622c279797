"""The proxy does to connections what it says."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.rig.proxy import Proxy, Weather, proxied

REQUEST = b"put this away\n"


class Server:
    """Answers every line with a line, and remembers what came."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = self.listening.getsockname()
        self.heard: list[bytes] = []
        self.answered = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                while data := connection.recv(4096):
                    self.heard.append(data)
                    if data.endswith(b"\n"):
                        connection.sendall(b"done\n")
                        self.answered.set()

    def stop(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self._thread.join(10)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.stop()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with proxied(server.address) as made:
        yield made


def ask(proxy: Proxy, seconds: float = 30) -> bytes:
    with socket.create_connection(("127.0.0.1", proxy.port), seconds) as connection:
        connection.sendall(REQUEST)
        return connection.recv(4096)


def test_fine_weather_passes(proxy: Proxy, server: Server) -> None:
    assert ask(proxy) == b"done\n"
    assert b"".join(server.heard) == REQUEST


@pytest.mark.parametrize("weather", [Weather(refuse=True), Weather(reset=True)])
def test_refused_and_reset_connections_reach_nobody(
    proxy: Proxy, server: Server, weather: Weather
) -> None:
    proxy.weather = weather
    with pytest.raises(ConnectionError):
        ask(proxy)
    assert not server.heard


def test_a_black_hole_takes_everything_and_says_nothing(proxy: Proxy, server: Server) -> None:
    proxy.weather = Weather(blackhole=True)
    with pytest.raises(TimeoutError):
        ask(proxy, 0.3)
    assert not server.heard


def test_a_request_can_pass_and_its_reply_be_lost(proxy: Proxy, server: Server) -> None:
    proxy.weather = Weather(cut_before_reply=b"away")
    with pytest.raises(ConnectionError):
        ask(proxy)
    assert server.answered.wait(30)
    assert b"".join(server.heard) == REQUEST


def test_a_request_can_be_cut_after_some_bytes(proxy: Proxy, server: Server) -> None:
    proxy.weather = Weather(cut_after=5)
    with pytest.raises(ConnectionError):
        ask(proxy)
    assert b"".join(server.heard) in (REQUEST[:5], b"")


def test_slices_arrive_whole(proxy: Proxy, server: Server) -> None:
    proxy.weather = Weather(piece=1, pause=0.001)
    assert ask(proxy) == b"done\n"
    assert b"".join(server.heard) == REQUEST
