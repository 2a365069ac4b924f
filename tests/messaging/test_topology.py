"""A service's partitions on a real RabbitMQ: the routing of messages, and a change of number."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from uuid import uuid4

import amqp
import pytest

from cluster.messaging.envelope import decode_envelope, encode_envelope, new_message_id
from cluster.messaging.publisher import OutboxRow
from cluster.messaging.topology import MARKER, PartitionInUse, partition_queues
from tests.conditions import eventually
from tests.messaging.messages import reserve_stock
from tests.messaging.own_topology import OwnTopology, three_about_each


def ids(taken: dict[str, list[amqp.Message]]) -> list[str]:
    return sorted(message.properties["message_id"] for found in taken.values() for message in found)


def test_messages_about_one_aggregate_wait_in_one_partition_in_their_order(
    own: OwnTopology,
) -> None:
    own.declare(3)
    subjects = [new_message_id() for _ in range(200)]

    own.publish(three_about_each(subjects))

    found = defaultdict(list)
    for queue, messages in own.take(partition_queues(own.service, 3), 600).items():
        assert len(messages) > 100  # about 200 each
        for message in messages:
            assert isinstance(message.body, bytes)
            envelope = decode_envelope(message.body)
            found[envelope.subject].append((queue, envelope.sequence))
    assert len(found) == len(subjects)
    for places in found.values():
        queue = places[0][0]
        assert places == [(queue, 1), (queue, 2), (queue, 3)]


def test_what_has_no_dead_letter_queue_comes_back_as_often_as_it_is_not_taken(
    own: OwnTopology,
) -> None:
    """RabbitMQ 4 drops a message at its twenty-first delivery unless the queue says otherwise."""
    own.declare(1)
    for queue in (own.service.dead_queue, own.service.task_queue):
        own.channel.basic_publish_confirm(amqp.Message("kept"), routing_key=queue)
        for _ in range(30):
            message = eventually(partial(own.channel.basic_get, queue))
            own.channel.basic_reject(message.delivery_tag or 0, requeue=True)
        assert eventually(partial(own.channel.basic_get, queue)).body == "kept"


def test_all_that_is_about_one_id_waits_in_one_partition(own: OwnTopology) -> None:
    """Messages about one checkout reach one replica at a time, since they share its id."""
    own.declare(3)
    id_ = new_message_id()
    subjects = [f"{kind}/{id_}" for kind in ("hold", "reservation", "payment", "order", "checkout")]

    own.publisher.publish(
        [
            OutboxRow(number, str(uuid4()), "", "catalog.reserve_stock.v1", subject, b"{}")
            for number, subject in enumerate(subjects)
        ]
    )

    taken = own.take(partition_queues(own.service, 3), len(subjects))
    assert sorted(map(len, taken.values())) == [0, 0, len(subjects)]


def test_with_the_first_partitions_nothing_more_comes_to_the_old_queue(own: OwnTopology) -> None:
    own.declare(1)
    before, after = reserve_stock(), reserve_stock()
    own.publish([before])

    own.declare(3)
    own.publish([after])

    # The first worker goes on consuming the old queue.
    assert ids(own.take([own.service.queue], 1)) == [str(before.id)]
    assert ids(own.take(partition_queues(own.service, 3), 1)) == [str(after.id)]


@pytest.mark.parametrize("fewer", [1, 2])
def test_what_waits_in_partitions_that_go_is_moved(own: OwnTopology, fewer: int) -> None:
    own.declare(3)
    sent = three_about_each([new_message_id() for _ in range(60)])
    own.publish(sent)

    own.declare(fewer)
    later = reserve_stock()
    own.publish([later])

    kept = [own.service.queue, *partition_queues(own.service, fewer)]
    expected = sorted(str(envelope.id) for envelope in [*sent, later])
    assert ids(own.take(kept, len(expected))) == expected
    gone = set(partition_queues(own.service, 3)) - set(kept)
    assert [queue for queue in gone if own.exists(queue)] == []


def test_a_move_that_broke_off_is_finished_by_the_next(own: OwnTopology) -> None:
    own.declare(3)
    last = partition_queues(own.service, 3)[-1]
    left_behind = amqp.Message("", message_id="an older marker", type=MARKER)
    own.channel.basic_publish_confirm(left_behind, routing_key=last)
    sent = reserve_stock()
    waiting = amqp.Message(encode_envelope(sent), message_id=str(sent.id))
    own.channel.basic_publish_confirm(waiting, routing_key=last)

    own.declare(1)

    assert ids(own.take([own.service.queue], 1)) == [str(sent.id)]


def test_a_partition_that_is_consumed_is_not_taken_away(own: OwnTopology) -> None:
    own.declare(3)
    queues = partition_queues(own.service, 3)
    delivered: list[amqp.Message] = []
    consumer = own.connection.channel()
    consumer.basic_consume(queues[-1], callback=delivered.append)

    with pytest.raises(PartitionInUse, match="stop the workers"):
        own.declare(1)
    consumer.close()

    sent = three_about_each([new_message_id() for _ in range(60)])
    own.publish(sent)
    taken = own.take(queues, len(sent))  # no queue was unbound
    assert ids(taken) == sorted(str(envelope.id) for envelope in sent)


def test_declaring_the_same_again_changes_nothing(own: OwnTopology) -> None:
    own.declare(3)
    sent = three_about_each([new_message_id() for _ in range(60)])
    own.publish(sent)

    own.declare(3)

    taken = own.take(partition_queues(own.service, 3), len(sent))
    assert ids(taken) == sorted(str(envelope.id) for envelope in sent)
