"""A client of a soak: a generator of its own, a kept connection, and counts of what it got.

It draws from its own generator alone, so that a seed gives the same requests (not the same timing)
again. What the service must not do is an `AssertionError`, `ProtocolError` or `TimeoutError`.
"""

import math
import random

from support import codings
from support.service import BrokenOff

LARGEST = 600_000
TEXT = codings.text(LARGEST)
NOISE = codings.random_bytes(LARGEST)
ZEROS = bytes(LARGEST)
# Levels of every day, and one each that takes long.
LEVELS = {"lz4": (1, 9), "zstd": (1, 6), "gzip": (1, 9), "deflate": (1, 9), "br": (0, 6)}
HEAVY = {"lz4": 9, "zstd": 17, "gzip": 9, "deflate": 9, "br": 11}


class Client:
    """One client with its kept connection and its counts."""

    def __init__(self, service_under_test, seed):
        self.service = service_under_test
        self.random = random.Random(seed)
        self.connection = None
        self.answers = {}  # by status; 0: broken off
        self.deeds = {}    # by behaviour

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def note(self, response):
        status = response.status if response else 0
        self.answers[status] = self.answers.get(status, 0) + 1
        return response

    def request(self, method, target, body=None, fields=(), chunked=False):
        """A request on the kept connection, on a new one where that had ended meanwhile."""
        options = {"chunked": chunked, "chunk_bytes": self.random.choice((7, 900, 16384, 70_000))}
        if chunked and len(body) > 20_000:
            options["chunk_bytes"] = max(900, options["chunk_bytes"])
        kept = self.connection is not None
        if not kept:
            self.connection = self.service.connect()
        try:
            response = self.connection.request(method, target, body, fields, **options)
        except (BrokenOff, ConnectionError) as error:
            self.close()
            if not kept or getattr(error, "response", None):
                raise
            return self.request(method, target, body, fields, chunked)
        if response.closes:
            self.close()
        return self.note(response)

    def body(self, largest=LARGEST):
        """Bytes of some kind; small sizes are as likely as large ones."""
        size = int(math.exp(self.random.uniform(0, math.log(largest + 1)))) - 1
        start = self.random.randrange(LARGEST - size + 1)
        return self.random.choice((TEXT, TEXT, NOISE, ZEROS))[start:start + size]

    def coding(self):
        return self.random.choice(list(LEVELS))

    def raw(self, data, half_close=False):
        """Sends bytes on a connection of their own; returns the answer, or None without one."""
        with self.service.connect() as connection:
            try:
                connection.send(data)
                if half_close:
                    connection.finish_sending()
                return self.note(connection.read_response())
            except (BrokenOff, ConnectionError) as error:
                return self.note(getattr(error, "response", None)) and None


def expect(holds, what):
    if not holds:
        raise AssertionError(what)


def usable(response):
    """Whether a good request was served; when the service is full it may say so."""
    if response.status == 503:
        expect(response.field("Retry-After"), response)
        return False
    expect(response.status == 200, response)
    return True


def encode(client, coding, data, level):
    target = f"/v1/compress?coding={coding}&level={level}"
    response = client.request("POST", target, data, chunked=client.random.random() < 0.5)
    return response.body if usable(response) else None
