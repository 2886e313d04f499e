"""Counts the service's heap allocations: once warm, a request causes none.

Needs the path of the preloaded counter in FRDPU_TEST_PRELOAD (tests/CMakeLists.txt gives it).
"""

import concurrent.futures
import mmap
import os
import random
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import service  # noqa: E402
from support.frames import framed, unframed  # noqa: E402

PRELOAD = os.environ.get("FRDPU_TEST_PRELOAD", "")

# A class of level each: fast, usual, slow paths of every library, and the one-shot ones.
LEVELS = {"identity": [None], "lz4": [1, 3, 6, 9], "zstd": [1, 3, 12, 19], "gzip": [1, 6, 9],
          "deflate": [1, 6, 9], "br": [0, 4, 9, 11]}
STREAMS = ["identity", "lz4", "lz4&level=9", "zstd", "zstd&level=12", "gzip", "gzip&level=1",
           "deflate", "deflate&level=1", "br", "br&level=0",
           "lz4&split=1048576", "zstd&split=1048576", "gzip&split=1048576"]
SLOW = {("zstd", 19), ("br", 11)}  # on few connections: there are few workspaces of their size
CONNECTIONS = 32
MANY = 2000  # requests at a coding's first level
FEW = 64     # ... and at the others


def text(size):
    words = [w.encode() for w in "pool block lease window match literal frame level coding".split()]
    source = random.Random(7)
    out = bytearray()
    while len(out) < size:
        out += source.choice(words) + b" %d " % source.randrange(1000)
    return bytes(out[:size])


class Counter:
    """The number that the preloaded library counts in."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile()
        self.file.write(bytes(8))
        self.file.flush()
        self.view = mmap.mmap(self.file.fileno(), 8)

    @property
    def value(self):
        return struct.unpack("<Q", self.view[:8])[0]


@unittest.skipUnless(PRELOAD, "no preloaded counter: FRDPU_TEST_PRELOAD is not set")
class AllocationTest(unittest.TestCase):
    def setUp(self):
        self.counter = Counter()
        self.service = service.Service(
            env={"LD_PRELOAD": PRELOAD, "FRDPU_TEST_ALLOCATIONS": self.counter.file.name},
            idle_timeout="5m", queue_timeout="60s")
        self.addCleanup(self.service.kill)

    def wave(self, connections, target, body):
        """All requests are half sent before the first is finished: every connection is suspended
        in the middle of one at the same time."""
        head, pieces = service.make_request("POST", target, body)
        request = head + b"".join(pieces)
        middle = len(head) + len(body) // 2
        for connection in connections:
            connection.send(request[:middle])
        for connection in connections:
            connection.send(request[middle:])
        answers = [connection.read_response() for connection in connections]
        for answer in answers:
            self.assertEqual(answer.status, 200, answer)
        return answers[0].body

    def steady(self, work):
        """Does the work until it has caused no allocation, and then once more. Returns what it
        caused then, and its result. A worker's first slice of a kind may warm up a pool's books
        for its thread, and the process may still be busy with its start; behind a whole round
        without any, nobody has an excuse."""
        for _ in range(8):
            before = self.counter.value
            work()
            if self.counter.value == before:
                break
        before = self.counter.value
        result = work()
        return self.counter.value - before, result

    def least(self, work):
        """What the work causes in the best of three tries. Work that loops and workers share as it
        comes may still grow a pool, or a thread's books, in one of them; what each request causes is
        in all."""
        return min(self.steady(work)[0] for _ in range(3))

    def measure(self, connections, target, body, count):
        """Returns allocations of `count` requests or some more, and their answer."""
        def waves():
            for _ in range(-(-count // len(connections))):
                answer = self.wave(connections, target, body)
            return answer

        return self.steady(waves)

    def check(self, count, sizes, levels):
        connections = [self.service.connect() for _ in range(count)]
        for connection in connections:
            self.addCleanup(connection.close)
        wrong = []
        for coding, of_coding in levels.items():
            for level in of_coding:
                requests = MANY if level == of_coding[0] else FEW
                used = connections[:4] if (coding, level) in SLOW else connections
                for size in sizes:
                    query = f"coding={coding}" + (f"&level={level}" if level is not None else "")
                    allocated, encoded = self.measure(used, f"/v1/compress?{query}",
                                                      text(size), requests)
                    if allocated:
                        wrong.append(f"compress {query} {size} B: {allocated}")
                    allocated, decoded = self.measure(used, f"/v1/decompress?coding={coding}",
                                                      encoded, requests)
                    self.assertEqual(decoded, text(size))
                    if allocated:
                        wrong.append(f"decompress {query} {size} B: {allocated}")
        self.assertEqual(wrong, [])

    def test_small_and_block_sized_bodies_cause_none(self):
        before = self.counter.value
        self.assertGreater(before, 100, "the counter counts nothing")
        self.check(CONNECTIONS, [1400, 65536], LEVELS)

    def test_one_connection_causes_none(self):
        self.check(1, [1400, 65536],
                   {coding: [level for level in levels if (coding, level) not in SLOW]
                    for coding, levels in LEVELS.items()})

    def stream(self, connection, query, body):
        answer = connection.request("POST", f"/v1/compress?coding={query}", body, chunked=True)
        self.assertEqual(answer.status, 200)
        coding = query.partition("&")[0]
        back = connection.request("POST", f"/v1/decompress?coding={coding}", answer.body)
        self.assertEqual(back.body, body)

    def test_streamed_bodies_cause_none(self):
        connections = [self.service.connect() for _ in range(8)]
        for connection in connections:
            self.addCleanup(connection.close)
        wrong = []
        body = text(8 << 20)
        # Several at once first: one alone may be the same worker's again and again. And all of them
        # before any is measured: what the loops do alone as a rule may be a worker's at times.
        with concurrent.futures.ThreadPoolExecutor(len(connections)) as clients:
            for query in STREAMS:
                list(clients.map(lambda each: self.stream(each, query, body[:1 << 20]), connections))
        for query in STREAMS:
            allocated, _ = self.steady(lambda: self.stream(connections[0], query, body))
            if allocated:
                wrong.append(f"{query}: {allocated}")
        self.assertEqual(wrong, [])

    def batch(self, connection, query, items):
        """Items there and back, with one that fails."""
        answer = connection.request("POST", f"/v1/batch/compress?{query}", framed(items))
        self.assertEqual(answer.status, 200)
        coding = query.partition("&")[0]
        back = connection.request("POST", f"/v1/batch/decompress?{coding}",
                                  answer.body + framed([b""]))
        self.assertEqual(unframed(back.body)[:len(items)], items)

    def test_batches_cause_none(self):
        connections = [self.service.connect() for _ in range(8)]
        for connection in connections:
            self.addCleanup(connection.close)
        wrong = []
        # Done by the loops, and by the workers, who are all to have had their first (see above).
        for items, rounds in (([text(1400), b"", text(100)], 50),
                              ([text(1400), text(70_000), text(1 << 20)] * 2, 2)):
            for coding, levels in LEVELS.items():
                query = f"coding={coding}" + (f"&level={levels[0]}" if levels[0] is not None else "")
                with concurrent.futures.ThreadPoolExecutor(len(connections)) as clients:
                    for _ in range(4):
                        list(clients.map(lambda each: self.batch(each, query, items), connections))

                def work():
                    for _ in range(rounds):
                        for connection in connections:
                            self.batch(connection, query, items)

                allocated = self.least(work)
                if allocated:
                    wrong.append(f"{query}, {sum(map(len, items))} B: {allocated}")
        self.assertEqual(wrong, [])

    def test_looking_at_bodies_causes_none(self):
        connections = [self.service.connect() for _ in range(8)]
        for connection in connections:
            self.addCleanup(connection.close)
        wrong = []
        for target, body in (("/v1/estimate", text(1400)), ("/v1/estimate", text(100_000)),
                             ("/v1/probe", b"\x1f\x8b\x08" + bytes(7)), ("/v1/probe", text(9))):
            def ask(connection):
                return connection.request("POST", target, body).body

            with concurrent.futures.ThreadPoolExecutor(len(connections)) as clients:
                for _ in range(4):
                    list(clients.map(ask, connections))
            allocated = self.least(lambda: [ask(each) for each in connections * 5])
            if allocated:
                wrong.append(f"{target}, {len(body)} B: {allocated}")
        self.assertEqual(wrong, [])

    def test_refusals_cause_none(self):
        connections = [self.service.connect() for _ in range(4)]
        for connection in connections:
            self.addCleanup(connection.close)
        head, pieces = service.make_request("POST", "/v1/compress?level=99", b"x" * 100)
        request = head + b"".join(pieces)

        def refused():
            for _ in range(20):
                for connection in connections:
                    connection.send(request)
                for connection in connections:
                    self.assertEqual(connection.read_response().status, 400)

        allocated, _ = self.steady(refused)
        self.assertEqual(allocated, 0)


if __name__ == "__main__":
    service.main()
