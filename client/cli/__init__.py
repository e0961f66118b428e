"""The `shortlist` command: one file a command."""
