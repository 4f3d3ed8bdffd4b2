"""Coding exercises that grade themselves: reading them, running code, submitting it, and what comes of that."""
