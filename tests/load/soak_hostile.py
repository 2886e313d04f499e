"""Hostile requests of a soak: refused, broken off or taken for what they are, and nothing else."""

import gzip
import random
import select
import time
import zlib

from load.soak_client import LARGEST, LEVELS, NOISE, encode, expect
from support import codings, service
from support.service import BrokenOff, make_request

HEAD = "POST /v1/compress?coding=identity HTTP/1.1\r\nHost: t\r\n"

MALFORMED = [text.encode("latin-1") for text in (
    "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\nHost: t\n\n", "GET  / HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET / HTTP/3.0\r\nHost: t\r\n\r\n", HEAD + "Host: u\r\n\r\n", HEAD + "X : y\r\n\r\n",
    HEAD + "X: a\r\n b\r\n\r\n", HEAD + "Content-Length: 1, 1\r\n\r\nx",
    HEAD + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    HEAD + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    HEAD + "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    HEAD + "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
    HEAD + "Content-Length: 99999999999999999999\r\n\r\n", HEAD + "X: " + "y" * 20_000 + "\r\n\r\n",
    "GET /" + "a" * 20_000 + " HTTP/1.1\r\nHost: t\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\0\0\0\0\r\n\r\n", HEAD + "X: \0\r\n\r\n")]


def malformed(client):
    response = client.raw(client.random.choice(MALFORMED))
    expect(response is None or response.status >= 400, response)


def random_bytes(client):
    start = client.random.randrange(LARGEST - 5000)
    data = client.random.choice((b"", b"POST ", HEAD.encode(), HEAD.encode() + b"\r\n"))
    data += NOISE[start:start + client.random.randrange(5000)]
    response = client.raw(data, half_close=True)
    expect(response is None or response.status >= 400 or data.startswith(HEAD.encode()), response)


BOMBS = {"gzip": gzip.compress(bytes(48 << 20), 9),
         "deflate": zlib.compress(bytes(48 << 20), 9),
         "zstd": codings.CODINGS["zstd"].encode(bytes(48 << 20)),
         "lz4": codings.CODINGS["lz4"].encode(bytes(48 << 20)),
         "members": gzip.compress(b"", 1) * 20_000}


def bomb(client):
    name = client.random.choice(list(BOMBS))
    coding = "gzip" if name == "members" else name
    with client.service.connect() as connection:
        out = 0

        def count(piece):
            nonlocal out
            out += len(piece)
        try:
            response = client.note(connection.request(
                "POST", f"/v1/decompress?coding={coding}", BOMBS[name], sink=count))
            expect(response.status in (413, 503) or name == "members", response)
        except (BrokenOff, ConnectionError) as error:
            client.note(getattr(error, "response", None) and None)
        expect(out <= 33 << 20, f"a bomb let {out} bytes out")


def damaged(client):
    """A byte of a good frame is another one: an error, or the checksum did not cover it."""
    coding = client.coding()
    data = client.body(100_000)
    packed = encode(client, coding, data, LEVELS[coding][0])
    if not packed:
        return
    at = client.random.randrange(len(packed))
    broken = bytearray(packed)
    broken[at] ^= client.random.randint(1, 255)
    if client.random.random() < 0.3:
        del broken[at:]
    head, _ = make_request("POST", f"/v1/decompress?coding={coding}", broken)
    response = client.raw(head + broken)
    if response is not None and response.status == 200 and coding != "br":
        expect(response.body == data, f"{coding}: damaged at {at}, taken for {response.body[:60]!r}")


def leaves(client):
    """A client that goes away in the middle of a request, in one way or another."""
    coding = client.coding()
    data = client.body()
    head, pieces = make_request("POST", f"/v1/compress?coding={coding}&level={LEVELS[coding][1]}",
                                data, chunked=client.random.random() < 0.5)
    wire = (head + b"".join(pieces))[:client.random.randrange(1, len(head) + len(data) + 2)]
    connection = client.service.connect(receive_buffer=4096)
    try:
        connection.socket.setblocking(False)
        for _ in range(client.random.randint(1, 4)):  # as much as is taken, then a bit more
            wire = wire[connection.socket.send(wire):] if wire else b""
        if client.random.random() < 0.3:
            select.select([connection.socket], [], [], 0.01)
            connection.socket.recv(100)
        if client.random.random() < 0.3:
            connection.finish_sending()
    except OSError:
        pass
    connection.reset() if client.random.random() < 0.5 else connection.close()
    client.note(None)


# How often each is done.
HOSTILE = {malformed: 8, random_bytes: 6, bomb: 1, damaged: 8, leaves: 10}


class Lurkers:
    """Connections that hardly move: heads and bodies typed a byte at a time, answers that nobody
    reads. The service has to end each of them by its timeouts; their number is bounded."""

    MOST = 24

    def __init__(self, service_under_test, seed):
        self.service = service_under_test
        self.random = random.Random(seed)
        self.open = []  # (connection, bytes still to type)
        self.ended = 0

    def add(self):
        connection = self.service.connect(receive_buffer=4096, send_buffer=8192)
        never_reads, text = self.random.choice((
            (False, (HEAD + "X: " + "y" * 5000).encode()),
            (False, (HEAD + "Transfer-Encoding: chunked\r\n\r\n" + "1\r\nx\r\n" * 1000).encode()),
            (True, b"")))
        connection.socket.setblocking(False)
        if never_reads:
            head, _ = make_request("POST", "/v1/decompress?coding=gzip", BOMBS["gzip"])
            text = head + BOMBS["gzip"]
            try:
                text = text[connection.socket.send(text):]
            except OSError:
                pass
        self.open.append((connection, text, never_reads, time.monotonic()))

    def turn(self):
        """Types a byte on each and drops those that the service has ended."""
        while len(self.open) < self.MOST:
            self.add()
        poll = select.poll()
        for connection, _, never_reads, _ in self.open:
            poll.register(connection.socket, select.POLLRDHUP | (0 if never_reads else select.POLLIN))
        gone = {number for number, _ in poll.poll(100)}
        left = []
        for connection, text, never_reads, since in self.open:
            if connection.socket.fileno() in gone:
                connection.close()
                self.ended += 1
                continue
            expect(time.monotonic() - since < service.TIMEOUT, "a lurker is not ended")
            try:
                sent = connection.socket.send(text if never_reads else text[:1])
                text = text[sent:]
            except BlockingIOError:
                pass
            except OSError:
                connection.close()
                self.ended += 1
                continue
            left.append((connection, text, never_reads, since))
        self.open = left

    def close(self):
        for connection, *_ in self.open:
            connection.close()
        self.open = []
