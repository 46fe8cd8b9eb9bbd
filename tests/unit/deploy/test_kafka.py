from pathlib import Path

import pytest

from deploy.local.errors import BrokerCountError
from deploy.local.kafka import Kafka
from deploy.local.servers import Places, port_names


def places(folder: Path, brokers: int) -> Places:
    ports = {name: 9000 + number for number, name in enumerate(port_names(brokers))}
    return Places(folder, folder / "jars", ports, "secret", brokers)


def cluster(folder: Path, brokers: int) -> Kafka:
    made = places(folder, brokers)
    return Kafka(tuple(made.broker(number) for number in range(1, brokers + 1)), "")


def test_one_broker_is_called_kafka_and_keeps_its_data_where_it_always_was(tmp_path: Path) -> None:
    [broker] = cluster(tmp_path, 1).brokers

    assert (broker.name, broker.data) == ("kafka", tmp_path / "kafka")
    assert port_names(1) == ["postgres", "kafka", "kafka_controller"]


def test_each_broker_of_three_has_a_name_a_folder_a_log_and_ports_of_its_own(
    tmp_path: Path,
) -> None:
    kafka = cluster(tmp_path, 3)

    assert [broker.name for broker in kafka.brokers] == ["kafka", "kafka-2", "kafka-3"]
    assert len({broker.data for broker in kafka.brokers}) == 3
    assert len({broker.log for broker in kafka.brokers}) == 3
    assert kafka.address.count("127.0.0.1:") == 3
    ports = {port for one in kafka.brokers for port in (one.port, one.controller_port)}
    assert len(ports) == 6


async def test_a_cluster_of_another_size_is_refused_before_anything_is_touched(
    tmp_path: Path,
) -> None:
    settings = tmp_path / "kafka" / "server.properties"
    settings.parent.mkdir()
    settings.write_text("node.id=1\ncontroller.quorum.voters=1@127.0.0.1:9093\n")

    with pytest.raises(BrokerCountError, match=r"of 1 brokers, not of 3.*--brokers 1"):
        await cluster(tmp_path, 3).initialise()

    assert settings.read_text().endswith("9093\n")
    assert not (tmp_path / "kafka-2").exists()
