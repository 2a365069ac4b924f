"""All tables of faults, experiments and outages, for Django."""

from __future__ import annotations

from chaos.experiments.models import AuditEntry, ExperimentRun, FaultSwitch, Incident
from cluster.health.observer.models import Gauge, Outage

__all__ = ["AuditEntry", "ExperimentRun", "FaultSwitch", "Gauge", "Incident", "Outage"]
