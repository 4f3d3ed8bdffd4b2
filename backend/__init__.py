"""Stoa's backend: every decision, none of the pages."""
