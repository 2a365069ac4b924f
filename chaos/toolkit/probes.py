"""The probes of an exported experiment, which wait up to `within` seconds for a good answer."""

from __future__ import annotations

from chaos.experiments import steady
from chaos.toolkit import stages


def every_process_works(within: float = 0.0) -> bool:
    return stages().judged(steady.every_process_works, within=within).ok


def every_queue_is_consumed(within: float = 0.0) -> bool:
    return stages().judged(steady.every_queue_is_consumed, within=within).ok


def outboxes_drain(within: float = 0.0) -> bool:
    return stages().judged(steady.outboxes_drain, within=within).ok


def checkouts_complete(within: float = 0.0) -> bool:
    return stages().judged(steady.checkouts_complete, within=within).ok


def stream_moves(within: float = 0.0) -> bool:
    return stages().judged(steady.stream_moves, within=within).ok


def invariants_hold(within: float = 0.0) -> bool:
    return stages().verdict(within=within, by="chaos run").clean


def recovered(within: float = 0.0) -> bool:
    return stages().recovered(within=within)


def checkouts_ended(within: float = 0.0) -> bool:
    return stages().checkouts_ended(within=within)
