"""What is done to a server by POST /servers/{id}/action, one module a kind of action."""
