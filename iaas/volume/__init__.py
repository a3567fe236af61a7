"""Block storage: volumes and their types; host side in agent/ and drivers/."""
