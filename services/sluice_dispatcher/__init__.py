"""The dispatcher: accepts events durably, runs them by policy and knows every end."""
