"""Fixtures: every driver, a certificate authority of our own, and real servers from Debian's packages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import trustme

from . import programs
from .colours import COLOURS, Colour


@pytest.fixture(params=list(COLOURS))
def colour(request: pytest.FixtureRequest) -> Colour:
    """Each driver in turn."""
    return COLOURS[request.param]


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("ca") / "ca.pem")
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[programs.Nginx]:
    with programs.nginx(tmp_path_factory.mktemp("nginx"), authority) as running:
        yield running


@pytest.fixture(scope="session")
def tinyproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[programs.ProxyProgram]:
    with programs.tinyproxy(tmp_path_factory.mktemp("tinyproxy")) as running:
        yield running


@pytest.fixture(scope="session")
def tinyproxy_with_login(tmp_path_factory: pytest.TempPathFactory) -> Iterator[programs.ProxyProgram]:
    with programs.tinyproxy(tmp_path_factory.mktemp("tinyproxy-login"), "gate key7") as running:
        yield running


@pytest.fixture(scope="session")
def microsocks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[programs.ProxyProgram]:
    with programs.microsocks(tmp_path_factory.mktemp("microsocks")) as running:
        yield running


@pytest.fixture(scope="session")
def microsocks_with_login(tmp_path_factory: pytest.TempPathFactory) -> Iterator[programs.ProxyProgram]:
    with programs.microsocks(tmp_path_factory.mktemp("microsocks-login"), ("gate", "key7")) as running:
        yield running
