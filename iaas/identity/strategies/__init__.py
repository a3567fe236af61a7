"""Who validates tokens, if not this cloud itself: one file each, named in ``[auth] strategy``."""
