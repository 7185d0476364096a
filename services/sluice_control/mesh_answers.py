"""What the mesh knows, as `/sluice/v1` shows it; pure. Times are seconds since the epoch."""

import base64
from typing import Any

import msgspec

from sluice.catalog import Health, Key
from sluice.event import id_text
from sluice.ledger import Counts, Dead, Story
from sluice.runner import LogLine
from sluice_control.registry import KeyRow, TriggerRow


def trigger(row: TriggerRow, region: str, health: Health, counts: Counts) -> dict[str, Any]:
    data = msgspec.json.decode(row.event_data)
    return {
        "trigger_id": row.id,
        "type": row.type,
        "name": data.get("name") or data.get("trigger_name") or "",
        "function_urn": str(row.function.urn(region, row.qualifier)),
        "status": row.status.value,
        "state": health.state,
        "reason": health.reason,
        "lag": health.lag,
        "held_by": health.held_by,
        "received": counts.received,
        "success": counts.success,
        "failed": counts.failed,
        "discarded": counts.discarded,
        "filtered": counts.filtered,
        "open": counts.open,
    }


def story(known: Story) -> dict[str, Any]:
    return {
        "id": id_text(known.id),
        "state": known.state,
        "trigger_id": known.route.trigger,
        "function_urn": known.route.function,
        "steps": [{"at": step.at, "what": step.what, "detail": step.detail} for step in known.steps],
    }


def dead(letter: Dead, with_body: bool) -> dict[str, Any]:
    shown = {
        "sequence": letter.sequence,
        "id": id_text(letter.event.id),
        "trigger_id": letter.route.trigger,
        "function_urn": letter.route.function,
        "end": letter.end.value,
        "failure": letter.failure,
        "message": letter.message,
        "status": letter.status,
        "accepted_at": letter.accepted_at,
        "ended_at": letter.ended_at,
        "attempts": letter.attempts,
        "executions": letter.executions,
        "redriven": id_text(letter.redriven) if letter.redriven else "",
    }
    return shown | ({"body": base64.b64encode(letter.event.body).decode()} if with_body else {})


def log_line(line: LogLine) -> dict[str, Any]:
    return {"at": line.at, "urn": line.urn, "instance": line.instance, "stream": line.stream, "text": line.text, "event": line.event}


def key(row: KeyRow) -> dict[str, Any]:
    """Without its secrets. `expires_at` 0: never."""
    return {
        "access_key": row.access_key,
        "role": row.role,
        "description": row.description,
        "created_at": row.created_ms / 1000,
        "expires_at": row.expires_ms / 1000,
        "triggers": list(row.triggers),
    }


def shown_key(row: KeyRow, whole: Key) -> dict[str, Any]:
    """With its secrets: only to whoever has just made it."""
    proofs = {"security_token": whole.security_token, "app_code": whole.app_code}
    shown = {"project_id": row.project, "secret_key": whole.secret_key, **{name: proof for name, proof in proofs.items() if proof}}
    return key(row) | shown
