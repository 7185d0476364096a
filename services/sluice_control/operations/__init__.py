"""The operations of the API, those of one noun in a module: from a request to the steps on the registry and to the answer."""
