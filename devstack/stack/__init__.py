"""The cloud on one machine, for development and tests: brings it up, shows it, tests it, takes it down.

Starts the real daemons and talks to them as any user would. It is no part of the cloud: iaas/ doesn't know it.
"""
