"""Figures: each module is a program that prints ours beside the alternative, from one run."""
