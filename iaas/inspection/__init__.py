"""What bytes really are: disk image formats, judged from a stream or a file before any tool opens them. Pure."""
