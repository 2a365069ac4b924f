"""The Docker and Kubernetes drivers reach a real OpenBao as the runner, from its AppRole's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.drivers.docker import DockerDriver
from chaos.drivers.driver import Driver, DriverError
from chaos.drivers.kubernetes import KubernetesDriver


@pytest.mark.platform
@pytest.mark.parametrize("driver", [DockerDriver(), KubernetesDriver()], ids=lambda one: one.name)
def test_the_secrets_server_is_asked_as_the_runner(platform: None, driver: Driver) -> None:
    assert driver.secrets("GET", "sys/seal-status")["sealed"] is False
    found = driver.secrets("GET", "auth/token/lookup-self")["data"]["policies"]
    assert set(found) == {"default", "runner"}
    with pytest.raises(DriverError, match=r"database/roles/nobody: .*403"):
        driver.secrets("GET", "database/roles/nobody")


@pytest.mark.parametrize("text", [None, "", "[]", '{"role_id": "1"}'])
def test_without_a_login_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "runner.json").write_text(text)
    monkeypatch.setenv("APPROLE_DIR", str(tmp_path))
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    with pytest.raises(DriverError, match=r"login of the runner is not at hand: .*runner.json"):
        DockerDriver().secrets("PUT", "sys/seal")


def test_a_server_that_does_not_answer_is_a_refusal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "runner.json").write_text('{"role_id": "made", "secret_id": "up"}')
    monkeypatch.setenv("APPROLE_DIR", str(tmp_path))
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    with pytest.raises(DriverError, match=r"OpenBao, auth/approle/login: .*refused"):
        DockerDriver().secrets("PUT", "sys/seal")
    with pytest.raises(DriverError, match=r"OpenBao, sys/seal-status: .*refused"):
        DockerDriver().secrets("GET", "sys/seal-status")
