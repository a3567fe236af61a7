"""The images on a compute host: fetched once, judged, proven, kept as long as they are worth it."""
