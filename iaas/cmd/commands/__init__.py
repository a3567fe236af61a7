"""The subcommands of iaas-manage, one file each: ``add(subparsers)`` and what it runs."""
