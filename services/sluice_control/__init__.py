"""Control: the registry of functions, versions, aliases, triggers and keys; the REST API; the catalog that the other services watch."""
