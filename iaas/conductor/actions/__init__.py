"""Flows of what is done to a server on its host or with its disk: rebuild, rescue, snapshot, shelve."""
