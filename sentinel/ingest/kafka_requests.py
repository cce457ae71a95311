"""Requests from a topic of Kafka, in batches that count once, whoever is killed when.

What is about to be sent is written down first, as the offset that a second consumer group
(`GROUP.sending`) commits: from what the group itself has committed up to there. Once the batch is
durable, the group commits the same offset. Whoever goes on after a crash finds both, and sends the
same messages under the same id, which the receiver knows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from importlib import import_module
from typing import Any, Literal, cast

import msgspec

from sentinel.api_usage.access_lines import LineFormat, requests_of_lines
from sentinel.api_usage.request_log import PostedRequest, one_request, requests_of
from sentinel.errors import ConfigurationError
from sentinel.telemetry.posted import NotAccepted

__all__ = ["KafkaBatch", "KafkaRequests", "MessageFormat", "requests_of_message"]

MessageFormat = Literal["json", "nginx", "apache", "envoy", "caddy"]
MOST_MESSAGES = 1_000
"""Messages of a batch."""
_WAIT_MS = 500
_log = logging.getLogger(__name__)


class KafkaBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Requests of one partition.

    Attributes:
        id: under which it counts once
        requests: those that can be read
        refused: how many others there are
        why: what is wrong with the first of them
    """

    id: str
    requests: list[PostedRequest]
    refused: int = 0
    why: str = ""


def requests_of_message(
    kind: MessageFormat, value: bytes, at_ms: int, service: str = ""
) -> tuple[list[PostedRequest], list[str]]:
    """Return the requests of a message.

    Args:
        kind: JSON as `POST /api/v1/requests` takes it, or lines of an access log
        value: of the message
        at_ms: its time, for requests without one: milliseconds since 1970
        service: name of the API, where a request has none; of lines, in any case

    Returns:
        The requests, and what is wrong with others.
    """
    errors: list[str] = []
    if kind != "json":
        found, wrong = requests_of_lines(_line_format(kind), value, service)
        errors = [f"line {number}: {why}" for number, why in wrong.items()]
    else:
        read = requests_of(value)
        found = [] if read is None else read
        if read is None:
            try:
                for one in _objects(value):
                    try:
                        found.append(one_request(one))
                    except NotAccepted as error:
                        errors.append(f"{error.field}: {error.message}".removeprefix(": "))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                errors.append(f"is not JSON: {error}")
    return [
        msgspec.structs.replace(
            one, service=one.service or service,
            timestamp=max(0, at_ms) * 1_000_000 if one.timestamp is None else one.timestamp,
        )
        for one in found
    ], errors  # fmt: skip


def _objects(value: bytes) -> list[Any]:
    given: object = msgspec.json.decode(value)
    return cast("list[Any]", given) if isinstance(given, list) else [given]


def _line_format(kind: str) -> LineFormat:
    return msgspec.convert(kind, LineFormat)


class KafkaRequests:
    """Consumes one topic; several processes of one group share its partitions.

    Args:
        topic: its name
        group: of the consumers
        client: options of aiokafka's clients, with `bootstrap_servers`
        send: makes a batch durable, or raises: then it is sent again with the next start. It is
            called in a thread
        kind: of the messages
        service: see `requests_of_message`

    Raises:
        ConfigurationError: the extra `kafka` is not installed
    """

    def __init__(
        self, topic: str, group: str, client: Mapping[str, Any],
        send: Callable[[KafkaBatch], None], *, kind: MessageFormat = "json", service: str = "",
    ) -> None:  # fmt: skip
        try:
            self._kafka: Any = import_module("aiokafka")
        except ImportError:
            raise ConfigurationError(
                "a topic of Kafka needs the library aiokafka",
                hint="Install the extra: sentinel-alerts[kafka].",
            ) from None
        self._topic, self._group, self._client = topic, group, dict(client)
        self._send, self._service = send, service
        self._kind: MessageFormat = kind
        self._known: set[Any] = set()

    async def run(self, *, once: bool = False) -> None:
        """Consume until it is cancelled.

        Args:
            once: end when all is sent that was there at the start

        Raises:
            KafkaError: of aiokafka: the broker does not answer, or refuses
            SentinelError: of `send`
        """
        made = self._kafka.AIOKafkaConsumer
        options = {**self._client, "enable_auto_commit": False, "auto_offset_reset": "earliest"}
        reader = made(self._topic, group_id=self._group, **options)
        sending = made(group_id=f"{self._group}.sending", **options)
        async with AsyncExitStack() as stack:
            for one in (reader, sending):
                stack.push_async_callback(one.stop)
                await one.start()
            ends = await self._ends(reader) if once else None
            while ends is None or not await self._reached(reader, ends):
                found = await reader.getmany(timeout_ms=_WAIT_MS, max_records=MOST_MESSAGES)
                self._known &= reader.assignment()
                for place, messages in found.items():
                    await self._part(reader, sending, place, messages)

    async def _ends(self, reader: Any) -> dict[Any, int]:
        numbers = await self._partitions(reader)
        places = [self._kafka.TopicPartition(self._topic, one) for one in sorted(numbers)]
        return dict(await reader.end_offsets(places))

    async def _partitions(self, reader: Any) -> set[int]:
        for _ in range(20):  # until the metadata of a new topic came
            if found := reader.partitions_for_topic(self._topic):
                return set(found)
            await asyncio.sleep(0.1)
        raise ConfigurationError(f"there is no topic {self._topic!r}")

    async def _reached(self, reader: Any, ends: Mapping[Any, int]) -> bool:
        """Return whether all is sent that there was: here, or by other consumers of the group."""
        for place, end in ends.items():
            if place in reader.assignment():
                if await reader.position(place) < end:
                    return False
            elif end and (await reader.committed(place) or 0) < end:
                return False
        return True

    async def _part(self, reader: Any, sending: Any, place: Any, given: Sequence[Any]) -> None:
        """Send messages of a partition: first those that were about to be sent before a crash."""
        messages = list(given)
        if place not in self._known:
            if place not in sending.assignment():
                sending.assign([*sending.assignment(), place])
                sending.pause(place)  # it reads nothing, and only writes down how far
            until = await sending.committed(place) or 0
            if messages[0].offset < until:
                while place in reader.assignment() and await reader.position(place) < until:
                    more = await reader.getmany(place, timeout_ms=_WAIT_MS)
                    messages += more.get(place, [])
                again = [one for one in messages if one.offset < until]
                messages = messages[len(again) :]
                if not await self._batch(reader, sending, place, again, until):
                    return
            self._known.add(place)
        if messages:
            await self._batch(reader, sending, place, messages, messages[-1].offset + 1)

    async def _batch(
        self, reader: Any, sending: Any, place: Any, messages: Sequence[Any], until: int
    ) -> bool:
        """Send one batch; returns whether the partition is still this consumer's."""
        if place not in reader.assignment():
            return False
        await sending.commit({place: until})
        found, errors = list[PostedRequest](), list[str]()
        for one in messages:
            requests, wrong = requests_of_message(
                self._kind, one.value or b"", one.timestamp, self._service
            )
            found += requests
            errors += [f"offset {one.offset}: {why}" for why in wrong]
        # The group is part of it: another group is another reading of the topic.
        name = f"kafka {self._group} {place.topic} {place.partition} {messages[0].offset} {until}"
        batch = KafkaBatch(
            id=name, requests=found, refused=len(errors), why=errors[0] if errors else ""
        )
        await asyncio.to_thread(self._send, batch)
        try:
            await reader.commit({place: until})
        except (
            self._kafka.errors.CommitFailedError, self._kafka.errors.IllegalStateError,
        ) as error:  # fmt: skip
            # Another consumer has the partition now, and sends the batch under the same id.
            _log.warning("partition %s went to another consumer: %s", place, error)
            self._known.discard(place)
            return False
        return True
