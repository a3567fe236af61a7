"""Block storage: volumes and their types, quota, and who keeps the bytes. Knows no HTTP."""
