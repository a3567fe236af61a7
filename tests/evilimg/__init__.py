"""``evilimg`` of RELIABILITY.md: images that must be refused, and honest ones that must not.

``header`` makes qcow2 and ISO files byte by byte, without any tool; ``good`` has qemu-img make honest ones of every
format and many options; ``corpus`` spoils them, one way at a time; ``reality`` asks what qemu-img does with the result.
"""
