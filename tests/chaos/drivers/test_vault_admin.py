"""The Docker and Kubernetes drivers reach a real OpenBao with the root token from its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.drivers.docker import DockerDriver
from chaos.drivers.driver import Driver, DriverError
from chaos.drivers.kubernetes import KubernetesDriver


@pytest.mark.platform
@pytest.mark.parametrize("driver", [DockerDriver(), KubernetesDriver()], ids=lambda one: one.name)
def test_the_secrets_server_is_asked_as_its_root(platform: None, driver: Driver) -> None:
    assert driver.secrets("GET", "sys/seal-status")["sealed"] is False
    assert "root" in driver.secrets("GET", "auth/token/lookup-self")["data"]["policies"]
    with pytest.raises(DriverError, match=r"database/roles/nobody: .*404"):
        driver.secrets("GET", "database/roles/nobody")


@pytest.mark.parametrize("text", [None, "", "[]", '{"root": 1}'])
def test_without_a_root_token_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None
) -> None:
    file = tmp_path / "openbao.json"
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("VAULT_ROOT_FILE", str(file))
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    with pytest.raises(DriverError, match=r"root token is not at hand: .*openbao.json"):
        DockerDriver().secrets("PUT", "sys/seal")


def test_a_server_that_does_not_answer_is_a_refusal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "openbao.json"
    file.write_text('{"root_token": "made up"}')
    monkeypatch.setenv("VAULT_ROOT_FILE", str(file))
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    with pytest.raises(DriverError, match=r"OpenBao, sys/seal: .*refused"):
        DockerDriver().secrets("PUT", "sys/seal")
