"""The registry's tables, and the version of them that this code knows."""

from collections.abc import Mapping

SCHEMA_VERSION = 3
"""Kept as the file's user_version; a file of a newer one is refused by name."""

TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE function (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL,
    package TEXT NOT NULL,
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (project, package, name)
);
CREATE TABLE version (
    function INTEGER NOT NULL,
    name TEXT NOT NULL,
    generation INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    settings TEXT NOT NULL,
    digest TEXT NOT NULL,
    code_size INTEGER NOT NULL,
    image_name TEXT NOT NULL,
    description TEXT NOT NULL,
    sealed BLOB NOT NULL,
    published_from INTEGER NOT NULL,
    PRIMARY KEY (function, name)
) WITHOUT ROWID;
CREATE INDEX version_digest ON version (digest);
CREATE TABLE asynchronous (
    function INTEGER NOT NULL,
    version TEXT NOT NULL,
    config TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    PRIMARY KEY (function, version)
) WITHOUT ROWID;
CREATE TABLE alias (
    function INTEGER NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    additional TEXT NOT NULL,
    weight INTEGER NOT NULL,
    description TEXT NOT NULL,
    PRIMARY KEY (function, name)
) WITHOUT ROWID;
CREATE TABLE trigger_ (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    function INTEGER NOT NULL,
    qualifier TEXT NOT NULL,
    type TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    event_data TEXT NOT NULL,
    settings TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    name TEXT NOT NULL,
    route TEXT NOT NULL,
    mode TEXT NOT NULL,
    incarnation TEXT NOT NULL,
    generation INTEGER NOT NULL,
    options TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX trigger_function ON trigger_ (function, created_ms);
CREATE INDEX trigger_project ON trigger_ (project, id);
CREATE INDEX trigger_route ON trigger_ (route) WHERE route != '';
CREATE TABLE access_key (
    access_key TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    role TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    description TEXT NOT NULL
) WITHOUT ROWID;
CREATE VIEW version_row AS
    SELECT f.id AS function, f.project, f.package, f.name AS function_name, f.created_ms, v.name, v.generation, v.modified_ms, v.settings,
        v.digest, v.code_size, v.image_name, v.description, v.sealed, v.published_from, a.config
    FROM function f JOIN version v ON v.function = f.id LEFT JOIN asynchronous a ON a.function = v.function AND a.version = v.name;
CREATE VIEW alias_row AS
    SELECT f.id AS function, f.project, f.package, f.name AS function_name, f.created_ms,
        a.name, a.version, a.modified_ms, a.additional, a.weight, a.description
    FROM function f JOIN alias a ON a.function = f.id;
CREATE VIEW asynchronous_row AS
    SELECT f.id AS function, f.project, f.package, f.name AS function_name, f.created_ms AS function_created_ms,
        a.version, a.config, a.created_ms, a.modified_ms
    FROM function f JOIN asynchronous a ON a.function = f.id;
CREATE VIEW trigger_row AS
    SELECT f.id AS function, f.project, f.package, f.name AS function_name, f.created_ms AS function_created_ms, t.id, t.qualifier, t.type,
        t.kind, t.status, t.event_data, t.settings, t.created_ms, t.modified_ms, t.sealed, t.name, t.route, t.mode, t.incarnation,
        t.generation, t.options, t.project AS trigger_project
    FROM function f JOIN trigger_ t ON t.function = f.id;
"""
"""Version 1. A new file begins with it too, and goes the same way as an old one."""

MIGRATIONS: Mapping[int, str] = {
    2: """
CREATE TABLE project (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    description TEXT NOT NULL,
    quotas TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO project SELECT value, 'default', 0, '', '{}' FROM meta WHERE name = 'project';
ALTER TABLE access_key ADD COLUMN expires_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE access_key ADD COLUMN sealed_proof BLOB NOT NULL DEFAULT x'';
ALTER TABLE access_key ADD COLUMN triggers TEXT NOT NULL DEFAULT '[]';
ALTER TABLE alias ADD COLUMN strategy TEXT NOT NULL DEFAULT '';
DROP VIEW alias_row;
CREATE VIEW alias_row AS
    SELECT f.id AS function, f.project, f.package, f.name AS function_name, f.created_ms,
        a.name, a.version, a.modified_ms, a.additional, a.weight, a.description, a.strategy, s.config
    FROM function f JOIN alias a ON a.function = f.id LEFT JOIN asynchronous s ON s.function = a.function AND s.version = '!' || a.name;
CREATE INDEX access_key_project ON access_key (project, created_ms);
CREATE VIEW access_key_row AS
    SELECT k.access_key, k.project, k.role, k.sealed, k.created_ms, k.description, k.expires_ms, k.sealed_proof, k.triggers,
        coalesce(p.name, '') AS project_name
    FROM access_key k LEFT JOIN project p ON p.id = k.project;
CREATE TABLE test_event (
    id TEXT PRIMARY KEY,
    function INTEGER NOT NULL,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    UNIQUE (function, name)
) WITHOUT ROWID;
CREATE TABLE tag (
    function INTEGER NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    system INTEGER NOT NULL,
    PRIMARY KEY (function, name, system)
) WITHOUT ROWID;
CREATE TABLE reserved (
    function INTEGER NOT NULL,
    qualifier TEXT NOT NULL,
    config TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    PRIMARY KEY (function, qualifier)
) WITHOUT ROWID;
CREATE TABLE status_log (project TEXT PRIMARY KEY, created_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE VIEW reserved_row AS
    SELECT f.id AS function, f.project, f.package, f.name AS function_name, f.created_ms AS function_created_ms,
        r.qualifier, r.config, r.modified_ms
    FROM function f JOIN reserved r ON r.function = f.id;
""",
    3: """
CREATE TABLE trace (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    trace TEXT NOT NULL,
    told INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX trace_project ON trace (project, id);
CREATE INDEX trace_untold ON trace (project, id) WHERE told = 0;
""",
}
"""What makes a file of each version from one of the version before."""
