"""From the registry's rows to what the catalog's watchers are told; pure."""

from collections.abc import Iterator
from typing import Any

import msgspec

from sluice.binding import Binding
from sluice.catalog import Change, Key
from sluice.destination import FUNCTION, read, text
from sluice.function import Alias, Asynchronous, Function, HeaderRule
from sluice.identity import APP
from sluice.urn import parse
from sluice_control.bodies import AsyncConfig, CustomImage, Destination, FunctionSettings
from sluice_control.registry import AliasRow, Commit, FunctionRow, KeyRow, Noun, Removed, ReservedRow, TriggerRow, VersionRow
from sluice_control.resources.reserved import reservation
from sluice_control.vault import Vault

UNCONFIGURED_MAX_AGE_S = 86_400
EVERYTHING = "up"
"""The service name of a process that holds all services: it is told everything."""
_FUNCTION_SECRETS = frozenset({"dispatcher", "runner", EVERYTHING})
_KEYS = frozenset({"gateway", EVERYTHING})
_RESERVING = frozenset({"dispatcher", "runner", EVERYTHING})


class Audience(msgspec.Struct, frozen=True):
    """Who watches: what they are told depends on it. `kinds` empty: bindings of all kinds, without their secrets."""

    service: str
    kinds: frozenset[str]

    @property
    def role(self) -> str:
        """`gateway` of `gateway-2` or `gateway@host`."""
        return self.service.partition("@")[0].partition("-")[0]

    def hears(self, row: Noun) -> bool:
        if isinstance(row, TriggerRow):
            return not self.kinds or row.kind in self.kinds
        if isinstance(row, ReservedRow):
            return self.role in _RESERVING
        return not isinstance(row, KeyRow) or self.role in _KEYS

    def gets_settings_secrets(self, kind: str) -> bool:
        return kind in self.kinds or self.role == EVERYTHING

    @property
    def gets_function_secrets(self) -> bool:
        return self.role in _FUNCTION_SECRETS


class Teller:
    """Writes changes for an audience."""

    def __init__(self, region: str, vault: Vault) -> None:
        self._region = region
        self._vault = vault

    def changes(self, commit: Commit, audience: Audience) -> Iterator[Change]:
        """Of one commit, closed by `synced`."""
        for touched in commit.touched:
            row = touched.row if isinstance(touched, Removed) else touched
            if audience.hears(row):
                yield (
                    self.removed(row, commit.generation) if isinstance(touched, Removed) else self.change(row, commit.generation, audience)
                )
        yield Change(commit.generation)

    def change(self, row: Noun, generation: int, audience: Audience) -> Change:
        match row:
            case VersionRow():
                return Change(generation, function=self.function(row, audience.gets_function_secrets))
            case AliasRow():
                return Change(generation, alias=self._alias(row))
            case ReservedRow():
                return Change(generation, reservation=reservation(row, self._region))
            case TriggerRow():
                return Change(generation, binding=self.binding(row, audience.gets_settings_secrets(row.kind)))
            case KeyRow():
                return Change(generation, key=self.key(row))

    def removed(self, row: Noun, generation: int) -> Change:
        match row:
            case VersionRow():
                name = f"function:{row.function.urn(self._region, row.name)}"
            case AliasRow():
                name = f"alias:{row.function.urn(self._region, '!' + row.name)}"
            case ReservedRow():
                name = f"reservation:{row.function.urn(self._region, row.qualifier)}"
            case TriggerRow():
                name = f"binding:{row.id}"
            case KeyRow():
                name = f"key:{row.access_key}"
        return Change(generation, removed=name)

    def function(self, row: VersionRow, with_secrets: bool) -> Function:
        settings, after = row.settings, self._asynchronous(row.function, row.asynchronous)
        strategy = settings.strategy_config
        secrets = self._vault.unseal(row.sealed, f"function:{row.function.id}") if with_secrets and row.sealed else b""
        return Function(
            urn=str(row.function.urn(self._region, row.name)),
            generation=row.generation,
            runtime=settings.runtime or "",
            handler=settings.handler or "",
            code=row.digest if not image_of(settings) else "",
            image=image_of(settings),
            **_image_settings(settings.custom_image),
            memory_mb=settings.memory_size or 0,
            timeout_s=float(settings.timeout or 0),
            initialize=bool(settings.initializer_handler),
            init_timeout_s=float(settings.initializer_timeout or 30),
            initializer=settings.initializer_handler or "",
            pre_stop=settings.pre_stop_handler or "",
            pre_stop_timeout_s=float(settings.pre_stop_timeout or 0),
            max_instances=strategy.concurrency if strategy else 400,
            instance_concurrency=strategy.concurrent_num if strategy else 1,
            environment=variables(settings.user_data),
            secrets=variables(secrets.decode()),
            max_retries=after.max_retries,
            max_age_s=after.max_age_s,
            on_success=after.on_success,
            on_failure=after.on_failure,
            dynamic_memory=bool(settings.enable_dynamic_memory),
        )

    def binding(self, row: TriggerRow, with_secrets: bool) -> Binding:
        settings = row.settings
        if with_secrets and row.sealed:
            settings = merged(settings, self._vault.unseal(row.sealed, f"trigger:{row.id}"))
        return Binding(
            trigger=row.id,
            project=row.function.project,
            type=row.type,
            kind=row.kind,
            function=str(row.function.urn(self._region, row.qualifier)),
            settings=settings,
            mode=row.mode,
            status=row.status,
            ordering=row.options.ordering,
            batch_size=row.options.batch_size,
            linger_s=row.options.linger,
            filter=row.options.filter,
            max_pending=row.options.max_pending,
            max_pending_bytes=row.options.max_pending_bytes,
            incarnation=row.incarnation,
            generation=row.generation,
            created_ms=row.created_ms,
        )

    def key(self, row: KeyRow) -> Key:
        """With its secrets, for those who check signatures."""
        secret = self._vault.unseal(row.sealed, f"key:{row.access_key}").decode()
        proof = self._vault.unseal(row.sealed_proof, f"proof:{row.access_key}").decode() if row.sealed_proof else ""
        is_app = row.role == APP
        return Key(
            access_key=row.access_key,
            secret_key=secret,
            project=row.project,
            role=row.role,
            expires=row.expires_ms / 1000,
            security_token="" if is_app else proof,
            app_code=proof if is_app else "",
            triggers=row.triggers,
            project_name=row.project_name,
        )

    def _alias(self, row: AliasRow) -> Alias:
        strategy = row.strategy
        return Alias(
            urn=str(row.function.urn(self._region, "!" + row.name)),
            version=row.version,
            additional=row.additional,
            weight=row.weight,
            rules=tuple(HeaderRule(rule.param, rule.op, rule.value) for rule in strategy.rules) if strategy else (),
            combine=strategy.combine_type if strategy else "and",
            asynchronous=self._asynchronous(row.function, row.asynchronous) if row.asynchronous else None,
        )

    def _asynchronous(self, function: FunctionRow, config: AsyncConfig | None) -> Asynchronous:
        if config is None:
            return Asynchronous(0, UNCONFIGURED_MAX_AGE_S)
        ends = config.destination_config
        return Asynchronous(
            config.max_async_retry_attempts,
            config.max_async_event_age_in_seconds,
            self._destination(function, ends.on_success),
            self._destination(function, ends.on_failure),
        )

    def _destination(self, function: FunctionRow, to: Destination | None) -> str:
        return destination_text(to, self._region, function.project) if to else ""


def destination_text(to: Destination, region: str, project: str) -> str:
    """For a function its full URN, with `latest` where it names no version; else kind and param."""
    if to.destination != FUNCTION:
        return text(to.destination, to.param)
    return str(parse(str(read(to.param)["func_urn"]), region=region, project=project))


def image_of(settings: FunctionSettings) -> str:
    custom = settings.custom_image
    return custom.image if custom else ""


def _image_settings(image: CustomImage | None) -> dict[str, Any]:
    """What goes before the image's own words; -1 is FunctionGraph's word for a user that was not chosen."""
    if image is None:
        return {}
    return {
        "image_command": _listed(image.command),
        "image_args": _listed(image.args),
        "image_folder": image.working_dir,
        "uid": max(0, int(image.uid or 0)),
        "gid": max(0, int(image.gid or 0)),
    }


def _listed(text: str) -> tuple[str, ...]:
    """FunctionGraph writes command and arguments as texts with commas between them."""
    return tuple(word.strip() for word in text.split(",")) if text.strip() else ()


def variables(text: str | None) -> dict[str, str]:
    """user_data as environment variables."""
    return msgspec.json.decode(text, type=dict[str, str]) if text else {}


def merged(document: bytes, secrets: bytes) -> bytes:
    """A JSON object with its secrets put back where they were taken from."""
    return msgspec.json.encode(_merge(msgspec.json.decode(document), msgspec.json.decode(secrets)))


def _merge(document: dict[str, Any], secrets: dict[str, Any]) -> dict[str, Any]:
    together = dict(document)
    for name, value in secrets.items():
        together[name] = _merge(document.get(name, {}), value) if isinstance(value, dict) else value
    return together
