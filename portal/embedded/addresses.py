"""Where the portal listens: checks before the start, the answer of /readyz, the READY block."""

import errno
import http.client
import ipaddress
import os
import socket
from collections.abc import Iterable
from pathlib import Path

from portal.demo_accounts import DEMO_ACCOUNTS, DEMO_PASSWORD
from portal.embedded.errors import StartError

EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_free(host: str, port: int) -> None:
    """Raises: StartError when the portal could not listen there."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror:
        raise StartError(f"{host} is not a known host: use --host 127.0.0.1") from None
    except OSError as error:
        raise StartError(_why_not(host, port, error)) from error


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            other = probe.getsockname()[1]
        return f"port {port} is taken: stop the program that uses it, or choose one: --port {other}"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than you have: choose one above 1023 with --port"
    return f"cannot listen on {host} port {port} ({error.strerror}): choose another with --host"


def allowed_hosts(host: str) -> str:
    """Return the host names a browser may use, for PORTAL_ALLOWED_HOSTS."""
    names = ["localhost", "127.0.0.1", "[::1]"]
    if not is_loopback(host):
        names.append(socket.gethostname() if host in EVERY_ADDRESS else host)
    return ",".join(names)


def reachable(host: str) -> str:
    """Return the name by which this machine reaches a listening host."""
    local = EVERY_ADDRESS.get(host, host)
    return f"[{local}]" if ":" in local else local


def root_url(host: str, port: int) -> str:
    """Return the portal's address on this machine, without a slash at the end."""
    return f"http://{reachable(host)}:{port}"


def not_ready(host: str, port: int) -> str:
    """Ask /readyz; return why the portal is not ready, or "" when it is."""
    connection = http.client.HTTPConnection(reachable(host).strip("[]"), port, timeout=3)
    try:
        connection.request("GET", "/readyz", headers={"Host": f"{reachable(host)}:{port}"})
        answer = connection.getresponse()
        body = answer.read(2000).decode(errors="replace")
        return "" if answer.status == 200 else f"{answer.status} {body}"
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()


def ready_block(
    host: str, port: int, *, seconds: float, demo: bool, journal: Path | None = None
) -> str:
    """Return what a person needs to know once the portal is ready."""
    root = root_url(host, port)
    lines = [
        "",
        f"READY in {seconds:.1f} s",
        f"  Portal  {root}/",
        f"  Admin   {root}/admin/",
        f"  API     {root}/api/v1/docs/",
    ]
    if demo:
        lines += ["", *_account_table()]
    lines += ["", f"  Log     {journal}"] if journal else []
    return "\n".join([*lines, "", "  Ctrl-C stops everything.", ""])


def _account_table() -> Iterable[str]:
    rows = [("account", "role", "scope")]
    for account in DEMO_ACCOUNTS:
        names = account.usernames
        name = names[0] if len(names) == 1 else f"{names[0]}..{names[-1]}"
        rows.append((name, account.role, account.scope))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for name, role, scope in rows:
        yield f"  {name:<{widths[0]}}  {role:<{widths[1]}}  {scope}"
    own = os.environ.get("PORTAL_DEMO_PASSWORD")
    yield f"  The password of all: {'as PORTAL_DEMO_PASSWORD says' if own else DEMO_PASSWORD}"
