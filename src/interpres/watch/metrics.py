"""Metrics: the families that /metrics shows. Labels are names of ours (channel, destination, state, code), never values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from interpres import __version__
from interpres.alert import CertificateSight
from interpres.clock import Clock
from interpres.delivery import MESSAGE_EDGES
from interpres.store.records import Size
from interpres.watch.alarms import Alert
from interpres.watch.exposition import Family
from interpres.watch.figures import Figures
from interpres.watch.look import Look
from interpres.watch.machine import Disk, Process

CHANNEL: Final = ("channel",)
PLACE: Final = ("channel", "destination")
DESTINATION_STATES: Final = ("up", "resting", "paused")


def counted(figures: Figures) -> Iterator[Family]:
    """What passed since the engine started."""
    f = figures
    state = (*CHANNEL, "state")
    code = (*CHANNEL, "code")
    yield Family("interpres_messages_received_total", "counter", "Messages that were stored.", CHANNEL, f.received)
    yield Family("interpres_messages_ended_total", "counter", "Messages by what processing made of them.", state, f.messages)
    yield Family(
        "interpres_answers_total",
        "counter",
        "Answers to senders: yes, early (yes before processing ended), no, unable (the store could not take it).",
        state,
        f.answers,
    )
    yield Family("interpres_duplicates_total", "counter", "Arrivals that were recognised as taken before.", CHANNEL, f.duplicates)
    yield Family(
        "interpres_edge_refusals_total", "counter", "Refused before anything was stored, by code.", code, f.edge_refusals
    )
    yield Family("interpres_faults_total", "counter", "Faults of messages and deliveries in trouble, by code.", code, f.faults)
    yield Family(
        "interpres_deliveries_ended_total",
        "counter",
        "Deliveries by the state they came to: delivered, refused, dead, held, uncertain or dropped.",
        (*PLACE, "state"),
        f.deliveries,
    )
    yield Family(
        "interpres_attempts_total", "counter", "Attempts to deliver, by what came of them.", (*PLACE, "state"), f.attempts
    )
    yield Family("interpres_retries_total", "counter", "Attempts that were not a delivery's first.", PLACE, f.retries)
    yield Family(
        "interpres_store_refusals_total", "counter", "Changes that the store could not take, by code.", ("code",), f.unstored
    )


def stages(figures: Figures) -> Iterator[Family]:
    """How long each stage took since the engine started."""
    f = figures
    named = (
        ("interpres_reading_seconds", "Decoding a message and working out its keys and lane.", CHANNEL, f.reading),
        ("interpres_processing_seconds", "Mapping a message and writing its payloads.", CHANNEL, f.processing),
        ("interpres_storing_seconds", "From an arrival until it is durable.", CHANNEL, f.storing),
        ("interpres_answering_seconds", "From durable until the sender is answered.", CHANNEL, f.answering),
        ("interpres_delivering_seconds", "One attempt to deliver.", PLACE, f.delivering),
        (
            "interpres_end_to_end_seconds",
            "From the arrival of a message until its delivery is settled as delivered.",
            PLACE,
            f.end_to_end,
        ),
    )
    for name, about, labels, samples in named:
        yield Family(name, "histogram", about, labels, samples)


def standing(look: Look) -> Iterator[Family]:
    """How channels, destinations and what waits for them stand."""
    taking = {s.channel: int(s.taking) for s in look.standing}
    states = {
        (s.channel, name, state): int(now == state)
        for s in look.standing
        for name, now in s.destinations.items()
        for state in DESTINATION_STATES
    }
    messages = {(c.channel, c.state): c.number for c in look.counts if not c.destination and c.state in MESSAGE_EDGES}
    owed = {(c.channel, c.destination, c.state): c.number for c in look.counts if c.destination}
    oldest = {place: age for place in look.queues if (age := look.oldest_seconds(*place)) is not None}
    lanes = {place: queue.lanes for place, queue in look.queues.items()}
    yield Family("interpres_channel_taking", "gauge", "1 where a channel's source takes what comes.", CHANNEL, taking)
    yield Family("interpres_destination_state", "gauge", "1 for the state that a destination is in.", (*PLACE, "state"), states)
    yield Family("interpres_messages", "gauge", "Messages in the store by state.", (*CHANNEL, "state"), messages)
    yield Family("interpres_deliveries", "gauge", "Deliveries in the store by state.", (*PLACE, "state"), owed)
    yield Family(
        "interpres_lanes_open",
        "gauge",
        "Lanes in which something waits or is under way; without a destination: to be processed.",
        PLACE,
        lanes,
    )
    yield Family(
        "interpres_oldest_waiting_seconds",
        "gauge",
        "For how long the oldest has waited; without a destination: to be processed.",
        PLACE,
        oldest,
    )


def house(look: Look, process: Process, started_ms: int, durability: dict[str, str], clock: Clock) -> Iterator[Family]:
    """The store, the disk, the process, the engine itself."""
    yield Family("interpres_build_info", "gauge", "Which version runs.", ("version",), {__version__: 1})
    yield Family(
        "interpres_start_time_seconds", "gauge", "When the engine started, in seconds since 1970.", (), {(): started_ms / 1000}
    )
    yield Family(
        "interpres_clock_seconds",
        "gauge",
        "What the engine's clock says, in seconds since 1970.",
        (),
        {(): clock.wall_ms() / 1000},
    )
    yield Family("interpres_store_open", "gauge", "1 where the store takes what comes.", (), {(): int(look.open)})
    if durability:
        about = "What stands behind a yes: how commits are synced, and what shares one."
        yield Family("interpres_store_durability_info", "gauge", about, tuple(durability), {tuple(durability.values()): 1})
    if look.size is not None:
        size = {"total": look.size.total_bytes, "log": look.size.log_bytes, "free": look.size.free_bytes}
        yield Family(
            "interpres_store_bytes", "gauge", "What the store takes on its disk: total, its log, free inside.", ("state",), size
        )
    if look.disk is not None:
        disk = {"total": look.disk.total_bytes, "free": look.disk.free_bytes}
        yield Family("interpres_disk_bytes", "gauge", "The disk that holds var/.", ("state",), disk)
    yield Family("process_resident_memory_bytes", "gauge", "Memory of the process.", (), {(): process.resident_bytes})
    yield Family("process_cpu_seconds_total", "counter", "Processor time of the process.", (), {(): process.cpu_seconds})
    yield Family("process_open_fds", "gauge", "Open files of the process.", (), {(): process.open_files})
    yield Family("process_max_fds", "gauge", "How many files it may open.", (), {(): process.most_files})


def every_family() -> list[Family]:
    """All that there are, without a sample: what the reference page and a dashboard are made from."""
    look = Look(size=Size(0, 0, 0), disk=Disk(0, 0))
    durability = {"synchronous": "full", "commit": "group"}
    figures = Figures()
    families = [
        *counted(figures),
        *stages(figures),
        *standing(look),
        *house(look, Process(0, 0.0, 0, 0), 0, durability, figures.clock),
    ]
    return [*families, *endings([CertificateSight("channel", 0)]), alerts(())]


def endings(certificates: Sequence[CertificateSight]) -> Iterator[Family]:
    """When certificates end."""
    samples = {one.of: one.ends_ms / 1000 for one in certificates}
    if samples:
        about = "When a certificate ends, in seconds since 1970."
        yield Family("interpres_certificate_end_seconds", "gauge", about, ("of",), samples)


def alerts(opened: Sequence[Alert]) -> Family:
    """How many alerts are open, by rule."""
    return Family("interpres_alerts_open", "gauge", "Alerts that are open, by rule.", ("rule",), Counter(a.rule for a in opened))
