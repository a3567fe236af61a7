"""Servers that change hosts or flavors: what is asked for, and what is recorded of it."""
