"""One state class per page: its events, and nothing decided."""
