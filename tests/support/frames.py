"""The framing of batches and training samples: a length of four bytes, and so many bytes."""

import json
import struct

MEDIA_TYPE = "application/vnd.frdpu.frames"
FAILED = 0xFFFFFFFF


def framed(items):
    return b"".join(struct.pack("<I", len(item)) + item for item in items)


def unframed(data):
    """Returns the items; one that failed as a dict, its problem document."""
    items = []
    at = 0

    def length():
        nonlocal at
        (size,) = struct.unpack_from("<I", data, at)
        at += 4
        return size

    while at < len(data):
        size = length()
        failed = size == FAILED
        if failed:
            size = length()
        item = data[at:at + size]
        assert len(item) == size, "the answer ends within an item"
        at += size
        items.append(json.loads(item) if failed else item)
    return items
