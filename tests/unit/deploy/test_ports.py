import socket

from deploy.local import ports


def test_the_preferred_port_is_chosen_while_it_is_free() -> None:
    free = ports.choose()

    assert ports.choose(free) == free


def test_a_port_that_somebody_listens_on_is_left_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]

        assert ports.choose(taken) != taken


def test_the_next_preference_is_tried_before_any_other_port() -> None:
    free = ports.choose()
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]

        assert ports.choose(taken, free) == free


def test_a_port_promised_to_another_part_is_not_given_twice() -> None:
    free = ports.choose()

    assert ports.choose(free, taken=[free]) != free


def test_other_ports_lie_below_those_of_outgoing_connections() -> None:
    assert {ports.choose() < 32_768 for _ in range(20)} == {True}
