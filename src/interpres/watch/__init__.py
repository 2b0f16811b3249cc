"""The watch: counts what passes through an engine, says how it does, and tells somebody when it does not do well."""

from interpres.watch.alarms import Alert, open_alerts
from interpres.watch.watch import Watch

__all__ = ["Alert", "Watch", "open_alerts"]
