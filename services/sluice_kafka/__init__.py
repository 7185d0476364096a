"""The kafka kind: topics of Apache Kafka as FunctionGraph's KAFKA and OPENSOURCEKAFKA triggers."""

from sluice_kafka.kind import KIND

__all__ = ["KIND"]
