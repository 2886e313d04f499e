"""Counts the service's heap allocations: once warm, a request causes none.

Needs the path of the preloaded counter in FRDPU_TEST_PRELOAD (tests/CMakeLists.txt gives it).
"""

import mmap
import os
import random
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import service  # noqa: E402

PRELOAD = os.environ.get("FRDPU_TEST_PRELOAD", "")

# A class of level each: fast, usual, slow paths of every library, and the one-shot ones.
LEVELS = {"identity": [None], "lz4": [1, 3, 9], "zstd": [1, 3, 12], "gzip": [1, 6, 9],
          "deflate": [1, 6, 9], "br": [0, 4, 9]}
CONNECTIONS = 32
MANY = 2000  # requests at a coding's first level; at the others a few waves
FEW_WAVES = 4


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
            idle_timeout="5m")
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

    def measure(self, connections, target, body, waves):
        """Returns allocations and answer of requests once warm."""
        for _ in range(2):
            self.wave(connections, target, body)
        # A worker's first slice of a kind may warm up a pool's books for its thread: measured
        # anew, as often as there are threads.
        for _ in range(6):
            before = self.counter.value
            for _ in range(waves):
                answer = self.wave(connections, target, body)
            allocated = self.counter.value - before
            if allocated == 0:
                break
        return allocated, answer

    def check(self, count, sizes, levels):
        connections = [self.service.connect() for _ in range(count)]
        for connection in connections:
            self.addCleanup(connection.close)
        wrong = []
        for coding, of_coding in levels.items():
            for level in of_coding:
                waves = MANY // count if level == of_coding[0] else FEW_WAVES
                for size in sizes:
                    query = f"coding={coding}" + (f"&level={level}" if level is not None else "")
                    allocated, encoded = self.measure(connections, f"/v1/compress?{query}",
                                                      text(size), waves)
                    if allocated:
                        wrong.append(f"compress {query} {size} B: {allocated}")
                    allocated, decoded = self.measure(connections, f"/v1/decompress?coding={coding}",
                                                      encoded, waves)
                    self.assertEqual(decoded, text(size))
                    if allocated:
                        wrong.append(f"decompress {query} {size} B: {allocated}")
        self.assertEqual(wrong, [])

    def test_small_and_block_sized_bodies_cause_none(self):
        before = self.counter.value
        self.assertGreater(before, 100, "the counter counts nothing")
        self.check(CONNECTIONS, [1400, 65536], LEVELS)

    def test_one_connection_causes_none(self):
        self.check(1, [1400, 65536], {coding: levels[:1] for coding, levels in LEVELS.items()})

    def test_streamed_bodies_cause_none(self):
        connection = self.service.connect()
        self.addCleanup(connection.close)
        wrong = []
        body = text(8 << 20)
        for query in [*LEVELS, *(f"{coding}&split=1048576" for coding in ("lz4", "zstd", "gzip"))]:
            coding = query.partition("&")[0]
            for _ in range(8):  # until every worker has had a slice of each kind
                before = self.counter.value
                answer = connection.request("POST", f"/v1/compress?coding={query}", body,
                                            chunked=True)
                self.assertEqual(answer.status, 200)
                back = connection.request("POST", f"/v1/decompress?coding={coding}", answer.body)
                self.assertEqual(back.body, body)
                allocated = self.counter.value - before
                if allocated == 0:
                    break
            if allocated:
                wrong.append(f"{query}: {allocated}")
        self.assertEqual(wrong, [])

    def test_refusals_cause_none(self):
        connections = [self.service.connect() for _ in range(4)]
        for connection in connections:
            self.addCleanup(connection.close)
        head, pieces = service.make_request("POST", "/v1/compress?level=99", b"x" * 100)
        request = head + b"".join(pieces)

        def refused():
            for connection in connections:
                connection.send(request)
            for connection in connections:
                self.assertEqual(connection.read_response().status, 400)

        for _ in range(6):  # the process may still be busy with its start
            before = self.counter.value
            for _ in range(20):
                refused()
            allocated = self.counter.value - before
            if allocated == 0:
                break
        self.assertEqual(allocated, 0)


if __name__ == "__main__":
    service.main()
