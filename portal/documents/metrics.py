"""How reports stand, for Prometheus: alarm on the age of the oldest that waits."""

from collections.abc import Iterator

from django.db import Error, connection
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from portal.documents.vocabulary import OPEN
from portal.ops.metrics import REGISTRY


class ReportCollector(Collector):
    """Reports that wait or run, read from the database at scrape."""

    def collect(self) -> Iterator[Metric]:
        """Yield how many there are and how old the oldest is; without the database nothing."""
        count = GaugeMetricFamily("portal_reports", "Reports at work, by state", labels=["state"])
        age = GaugeMetricFamily(
            "portal_reports_oldest_seconds", "Age of the oldest of them", labels=["state"]
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT state, count(*), "
                    "extract(epoch from clock_timestamp() - min(created_at))::float "
                    "FROM documents_report WHERE state IN ('queued', 'running') GROUP BY state"
                )
                found = {row[0]: (float(row[1]), float(row[2])) for row in cursor.fetchall()}
        except Error:
            return
        for state in OPEN:
            number, seconds = found.get(state.value, (0.0, 0.0))
            count.add_metric([state.value], number)
            age.add_metric([state.value], seconds)
        yield from (count, age)


REGISTRY.register(ReportCollector())
