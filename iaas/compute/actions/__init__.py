"""What is asked of a server that exists: rebuild, rescue, snapshot, shelve."""
