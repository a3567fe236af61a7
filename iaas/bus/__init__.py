"""The message bus: how an RPC contract's methods travel between daemons. Knows no service and no database."""
