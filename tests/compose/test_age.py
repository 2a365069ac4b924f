"""The age format: what is encrypted can be decrypted with the key, and by nothing else."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from compose.backups import age

CHUNK = age.CHUNK


def opened(key: str, sealed: bytes) -> bytes:
    return b"".join(age.decrypt(key, io.BytesIO(sealed)))


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_it_comes_out_as_it_went_in(size: int) -> None:
    key, plain = age.new_key(), os.urandom(size)
    sealed = b"".join(age.encrypt(age.recipient_of(key), [plain[:100], plain[100:]]))
    assert opened(key, sealed) == plain
    assert size < CHUNK - 1 or plain not in sealed


def test_another_key_opens_nothing() -> None:
    sealed = b"".join(age.encrypt(age.recipient_of(age.new_key()), [b"plain"]))
    with pytest.raises(age.WrongKey, match="another key"):
        opened(age.new_key(), sealed)


@pytest.mark.parametrize(
    "key", ["", "secret", "AGE-SECRET-KEY-1QQQ", age.new_key()[:-1] + "B"], ids=range(4)
)
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(age.WrongKey):
        age.recipient_of(key)


@pytest.mark.parametrize("place", [0, 30, 70, 130, 180, 230, -CHUNK, -1])
def test_a_changed_byte_is_found(place: int) -> None:
    key = age.new_key()
    sealed = bytearray(b"".join(age.encrypt(age.recipient_of(key), [os.urandom(2 * CHUNK)])))
    sealed[place] ^= 1
    with pytest.raises((age.Damaged, age.WrongKey)):
        opened(key, bytes(sealed))


@pytest.mark.parametrize("kept", [20, 200, 250, CHUNK + 232, -1])
def test_a_file_that_was_cut_off_is_found(kept: int) -> None:
    key = age.new_key()
    sealed = b"".join(age.encrypt(age.recipient_of(key), [os.urandom(3 * CHUNK)]))
    with pytest.raises(age.Damaged):
        opened(key, sealed[:kept])


@pytest.mark.skipif(shutil.which("age") is None, reason="Debian's age is not installed")
def test_age_itself_agrees(tmp_path: Path) -> None:
    key = age.new_key()
    file = tmp_path / "key"
    file.write_text(f"{key}\n")
    sealed = b"".join(age.encrypt(age.recipient_of(key), [b"plain"]))
    ours = subprocess.run(["age", "-d", "-i", file], input=sealed, capture_output=True, check=True)
    assert ours.stdout == b"plain"
    theirs = subprocess.run(
        ["age", "-r", age.recipient_of(key)], input=b"plain", capture_output=True, check=True
    )
    assert opened(key, theirs.stdout) == b"plain"


# A key for this test alone, and a file that age 1.1.1 of Debian 12 made for it.
FOREIGN_KEY = "AGE-SECRET-KEY-1P9UGGXND6L0N94EW828MVCG4SEXVW4ZCT0K42W3LSV8X2Z39SALSN20AAX"
FOREIGN = (
    "6167652d656e6372797074696f6e2e6f72672f76310a2d3e205832353531392044642b7a4c486e496757446f"
    "677137713843354d554f3770546a476a59577a42457275754f364b633131670a4f6a3459536a4674596b712f"
    "344e41774643736e47584c6e6654725938496e775069595a485765467252300a2d2d2d2036517245476f494b"
    "712b556e6d727a3577474d724d5054484c4d77586b736f304e756f6e70344a502b73730a6b3d8908dc1799b0"
    "dd231053b99473a556cdde10f11cbfb0100befb3e41f624fa3aeff473e"
)


def test_a_file_of_age_itself_is_opened() -> None:
    assert opened(FOREIGN_KEY, bytes.fromhex(FOREIGN)) == b"plain"
