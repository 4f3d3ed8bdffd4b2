"""Views without events of their own."""
