"""Verbs of a compute host for servers that were built there: pause and suspend, rescue, snapshot."""
