"""What the mesh knows of the mongo kind."""

from sluice.binding import Binding
from sluice.errors import ConfigurationError
from sluice.event import Record
from sluice.trigger import Trigger, TriggerKind
from sluice_mongo.changes import Change
from sluice_mongo.position import Time
from sluice_mongo.record import record_of
from sluice_mongo.settings import MongoSettings
from sluice_mongo.shape import shape


def build(binding: Binding, settings: MongoSettings) -> Trigger:
    """The trigger of a binding. The driver is imported here, so that settings can be checked where it is not installed."""
    try:
        from sluice_mongo.changes_pymongo import PymongoChanges
    except ModuleNotFoundError as missing:
        raise ConfigurationError(f'the mongo kind needs {missing.name}: pip install "sluice[mongo]"') from missing
    from sluice_mongo.trigger import MongoTrigger

    return MongoTrigger(settings, PymongoChanges(settings, whole=bool(binding.filter)))


def source_of(settings: MongoSettings) -> str:
    """The deployment. A namespace is a source of its own, so that one keeps its positions while another is read."""
    return ",".join(sorted(server.strip() for server in settings.servers.split(",")))


def sample(settings: MongoSettings) -> Record:
    namespace = f'{{"db":"{settings.db_name}","coll":"{settings.collection_name or "orders"}"}}'
    document, key = b'{"_id":{"$numberInt":"1"},"hello":"world"}', b'{"_id":{"$numberInt":"1"}}'
    whole = f'{{"operationType":"insert","fullDocument":{{"_id":1,"hello":"world"}},"ns":{namespace},"documentKey":{{"_id":1}}}}'
    change = Change("insert", '{"_data":"82"}', Time(0, 0), document, namespace, key, 0, whole.encode())
    return record_of(change, settings.namespace, settings.metadata)


KIND = TriggerKind(
    name="mongo",
    types=("DDS", "GAUSSMONGO"),
    settings=MongoSettings,
    shape=shape,
    build=build,
    source_of=source_of,
    sample=sample,
    created_disabled=frozenset({"DDS"}),
)
