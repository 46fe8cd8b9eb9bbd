import asyncio
import hashlib
from pathlib import Path

import pytest

from deploy.local import jars
from deploy.local.errors import JarError
from deploy.local.jars import Jar

LOCK = Path(jars.__file__).with_name("jgo.lock.toml")


def test_every_locked_jar_has_a_checksum() -> None:
    assert len(jars.locked()) > 40
    assert {len(jar.sha256) for jar in jars.locked()} == {64}


def test_the_lock_holds_neither_addresses_nor_places_of_a_machine() -> None:
    text = LOCK.read_text(encoding="utf-8")

    assert "://" not in text
    assert "/" not in text.replace('"', "")


def test_a_jar_lies_where_a_maven_repository_keeps_it() -> None:
    jar = Jar("org.apache.kafka", "kafka_2.13", "4.1.1", "", "")

    assert jar.path == Path("org/apache/kafka/kafka_2.13/4.1.1/kafka_2.13-4.1.1.jar")


async def test_a_jar_that_differs_is_named_with_both_checksums(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jar = Jar("org.example", "thing", "1.0", "", "0" * 64)
    monkeypatch.setattr(jars, "locked", lambda: [jar])
    file = tmp_path / jar.path
    file.parent.mkdir(parents=True)
    file.write_bytes(b"tampered")

    with pytest.raises(JarError) as caught:
        await jars.class_path(tmp_path, tmp_path / "log", print)

    assert str(file) in str(caught.value)
    assert jar.sha256 in str(caught.value)
    assert hashlib.sha256(b"tampered").hexdigest() in str(caught.value)


async def test_jars_that_are_here_need_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jar = Jar("org.example", "thing", "1.0", "", hashlib.sha256(b"jar").hexdigest())
    monkeypatch.setattr(jars, "locked", lambda: [jar])
    file = tmp_path / jar.path
    file.parent.mkdir(parents=True)
    file.write_bytes(b"jar")

    async with asyncio.timeout(5):
        class_path = await jars.class_path(tmp_path, tmp_path / "log", print)

    assert class_path == str(file)
    assert not (tmp_path / "log").exists()
