#!/usr/bin/env python3
"""Every limit: its flag, its problem, its counter. And bombs of every coding: what they cost.

    python3 tests/server/limits_test.py build/release/frdpu --table
prints the table of bombs in server/limits.md.
"""

import os
import re
import struct
import sys
import threading
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import codings, service  # noqa: E402
from support.codings import CODINGS  # noqa: E402
from support.service import BrokenOff, Service, TestCase  # noqa: E402

MIB = 1 << 20
GIB = 1 << 30
COMPRESS = "/v1/compress"
DECOMPRESS = "/v1/decompress"
IDENTITY = f"{COMPRESS}?coding=identity"


def hits(running, code):
    return running.metric("frdpu_limit_hits_total", code=code)


class LimitTest(TestCase):
    """One test a limit. Each checks status, code, `limit`, `observed`, the flag and the counter."""

    def check(self, flag, value, limit, send, status, code, observed=None, **flags):
        with Service(**{flag: value}, **flags) as running:
            before = hits(running, code)
            problem = self.assert_problem(send(running), status, code)
            self.assertEqual(problem["limit"], limit, problem)
            if observed is None:
                self.assertGreater(problem["observed"], 0, problem)
            else:
                self.assertEqual(problem["observed"], observed, problem)
            self.assertIn("--" + flag.replace("_", "-"), problem["detail"])
            self.assertEqual(hits(running, code), before + 1)
            self.assertEqual(running.post(IDENTITY, b"alive").body, b"alive")
            self.assert_books_balanced(running)

    def test_body_bytes(self):
        self.check("max_body_bytes", 1000, 1000, lambda s: s.post(IDENTITY, bytes(1001)), 413,
                   "body_too_large", 1001)
        self.check("max_body_bytes", 1000, 1000,
                   lambda s: s.post(IDENTITY, bytes(1001), chunked=True), 413, "body_too_large",
                   1001)

    def test_output_bytes(self):
        packed = CODINGS["gzip"].encode(bytes(20_000))
        self.check("max_output_bytes", 1000, 1000, lambda s: s.post(DECOMPRESS, packed), 413,
                   "output_limit_exceeded")

    def test_ratio(self):
        # Only past 16 MiB, when the status is out: transport coding keeps the result small.
        packed = CODINGS["gzip"].encode(bytes(40 * MIB))
        self.check("max_ratio", 50, 50,
                   lambda s: s.post(f"{COMPRESS}?coding=zstd", packed,
                                    {"Content-Encoding": "gzip"}), 413, "ratio_limit_exceeded")

    def test_window(self):
        packed = codings.run("zstd", "-q", "-c", "--long=22")(codings.text(5 * MIB))
        self.check("max_window_bytes", "1m", MIB, lambda s: s.post(DECOMPRESS, packed), 413,
                   "window_too_large", 4 * MIB)

    def test_frames(self):
        for name in ("gzip", "zstd", "lz4"):
            with self.case(coding=name):
                packed = CODINGS[name].encode(b"") * 6
                self.check("max_frames", 5, 5, lambda s: s.post(DECOMPRESS, packed), 413,
                           "frame_limit_exceeded", 6)

    def test_content_codings(self):
        packed = CODINGS["gzip"].encode(CODINGS["gzip"].encode(b"x"))
        for path in (DECOMPRESS, f"{COMPRESS}?coding=lz4", "/v1/transcode?to=lz4"):
            with self.case(path=path):
                self.check("max_content_codings", 1, 1,
                           lambda s: s.post(path, packed, {"Content-Encoding": "gzip, gzip"}), 415,
                           "unsupported_coding", 2)

    def test_cpu_seconds(self):
        # Much work and so little of a result that the status is still to come.
        self.check("max_cpu_seconds", 1, 1,
                   lambda s: s.post("/v1/transcode?to=br&level=11", gzip_bomb()), 503,
                   "cpu_limit_exceeded", max_output_bytes=0)

    def test_header_bytes(self):
        self.check("max_header_bytes", 1024, 1024,
                   lambda s: s.post(IDENTITY, b"x", {"X": "y" * 1000}), 431, "headers_too_large")
        self.check("max_header_bytes", 1024, 1024, lambda s: s.post("/" + "x" * 1200), 414,
                   "uri_too_long")
        self.check("max_header_bytes", 1024, 1024, self.send(
            f"POST {IDENTITY} HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
            f"0\r\nX: {'y' * 1100}\r\n\r\n"), 431, "headers_too_large", 1025)

    def send(self, text):
        def send(running):
            with running.connect() as connection:
                connection.send(text.encode())
                return connection.read_response()
        return send

    def test_header_time(self):
        self.check("header_timeout", "100ms", 100, self.send("POST / HTTP/1.1\r\n"), 408,
                   "request_timeout")

    def test_body_time(self):
        self.check("body_timeout", "100ms", 100, self.send(
            f"POST {IDENTITY} HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nx"), 408,
            "request_timeout")

    def test_pace(self):
        def send(running):
            with running.connect() as connection:
                connection.send(f"POST {IDENTITY} HTTP/1.1\r\nHost: t\r\n"
                                "Content-Length: 100000\r\n\r\n".encode())
                connection.socket.settimeout(0.02)  # the pace
                while True:
                    try:
                        connection.send(b"x")
                        connection.buffer += connection.socket.recv(1)
                        break
                    except TimeoutError:
                        pass
                connection.socket.settimeout(service.TIMEOUT)
                return connection.read_response()
        self.check("min_bytes_per_second", 5000, 5000, send, 408, "request_timeout",
                   body_timeout="300ms")

    def test_connections(self):
        with Service(max_connections=2) as running:
            kept = [running.connect() for _ in range(2)]
            for connection in kept:
                connection.request("POST", IDENTITY, b"x")
            with running.connect() as extra:
                problem = self.assert_problem(extra.read_response(), 503, "overloaded")
                self.assertEqual((problem["limit"], problem["observed"]), (2, 3))
                self.assertIn("--max-connections", problem["detail"])
            self.assertEqual(hits(running, "overloaded"), 1)
            for connection in kept:
                connection.close()

    def test_requests_of_a_connection(self):
        with Service(max_requests_per_connection=3) as running:
            with running.connect() as connection:
                for count in (1, 2, 3):
                    response = connection.request("POST", IDENTITY, b"x")
                    self.assert_status(response, 200)
                    self.assertEqual(response.closes, count == 3)
                self.assertTrue(connection.ended())
            self.assertEqual(hits(running, "requests_per_connection"), 1)

    def test_queue(self):
        # One worker and one place to wait: of many heavy requests at once some are refused.
        body = codings.text(200_000)
        head, pieces = service.make_request("POST", f"{COMPRESS}?coding=br&level=11", body)
        with Service(compute_threads=1, max_queued_jobs=1) as running:
            crowd = [running.connect() for _ in range(8)]
            for connection in crowd:
                connection.send(head + pieces[0])
            answers = [connection.read_response() for connection in crowd]
            refused = [answer for answer in answers if answer.status != 200]
            self.assertTrue(refused and len(refused) < len(crowd), answers)
            for answer in refused:
                problem = self.assert_problem(answer, 503, "overloaded")
                self.assertEqual((problem["limit"], problem["observed"]), (1, 2))
                self.assertIn("--max-queued-jobs", problem["detail"])
            self.assertEqual(hits(running, "overloaded"), len(refused))
            for connection in crowd:
                connection.close()
            self.assert_books_balanced(running)

    def test_a_full_queue_is_told_before_the_body(self):
        body = codings.text(200_000)
        heavy, pieces = service.make_request("POST", f"{COMPRESS}?coding=br&level=11", body)
        expecting, _ = service.make_request("POST", f"{COMPRESS}?coding=br&level=11", body,
                                            {"Expect": "100-continue"})
        with Service(compute_threads=1, max_queued_jobs=1) as running:
            def first_answer():
                with running.connect() as late:
                    late.send(expecting)
                    return late.socket.recv(65536)

            def is_told():
                # One works, one waits: nobody else need send what will not be worked. Again where the
                # second was refused itself, or both are through; between slices nobody waits.
                crowd = [running.connect() for _ in range(2)]
                for connection in crowd:
                    connection.send(heavy + pieces[0])
                told = any(re.match(rb"HTTP/1.1 503 .*overloaded", first_answer(), re.S)
                           for _ in range(20))
                if told:  # what needs no worker is served meanwhile
                    with running.connect() as small:
                        self.assert_status(
                            small.request("POST", f"{COMPRESS}?coding=lz4", b"x" * 1400), 200)
                for connection in crowd:
                    connection.reset()
                return told

            self.assertTrue(running.eventually(is_told))
            self.assert_books_balanced(running)

    def fill_queue(self, running):
        """Returns the connections whose work keeps the worker and the queue's places busy."""
        heavy, pieces = service.make_request("POST", f"{COMPRESS}?coding=br&level=11",
                                             codings.text(100_000))
        expecting, _ = service.make_request("POST", f"{COMPRESS}?coding=br&level=11", bytes(60_000),
                                            {"Expect": "100-continue"})
        crowd = []

        def is_full():
            with running.connect() as late:
                late.send(expecting)
                return late.socket.recv(4096).startswith(b"HTTP/1.1 503 ")

        def add_until_full():
            while not is_full():
                crowd.append(running.connect())
                crowd[-1].send(heavy + pieces[0])

        add_until_full()
        # Now a worker may still come and take the first; behind a slice each takes the next at once.
        self.assertTrue(running.eventually(lambda: running.metric(
            "frdpu_codec_input_bytes_total", coding="br")))
        add_until_full()
        return crowd

    def test_a_stream_that_began_without_a_worker_waits_like_others(self):
        # Its first bytes are worked at once, the rest needs a worker for the first time.
        body = codings.text(1 << 20)
        head, _ = service.make_request("POST", f"{COMPRESS}?coding=gzip&level=9", body)
        with Service(compute_threads=1, max_queued_jobs=2) as running:
            streams = [running.connect() for _ in range(8)]
            for stream in streams:
                stream.send(head + body[:500])
            self.assertTrue(running.eventually(lambda: running.metric(
                "frdpu_codec_input_bytes_total", coding="gzip") == 8 * 500))
            crowd = self.fill_queue(running)
            for stream in streams:
                stream.send(body[500:])
            refused = [answer for answer in (stream.read_response() for stream in streams)
                       if answer.status != 200]
            self.assertTrue(refused)
            for answer in refused:
                self.assert_problem(answer, 503, "overloaded")
            for connection in crowd + streams:
                connection.reset()
            self.assert_books_balanced(running)

    def test_a_full_queue_breaks_no_answer_off(self):
        body = codings.random_bytes(1 << 20)
        head, _ = service.make_request("POST", f"{COMPRESS}?coding=gzip&level=9", body)
        with Service(compute_threads=1, max_queued_jobs=2) as running, running.connect() as stream:
            stream.send(head)
            sent = 0
            while sent < 70_000:  # in pieces for which nobody needs a worker
                stream.send(body[sent:sent + 500])
                sent += 500
                self.assertTrue(running.eventually(lambda: running.metric(
                    "frdpu_codec_input_bytes_total", coding="gzip") == sent))
            stream.buffer += stream.socket.recv(4096)
            crowd = self.fill_queue(running)
            stream.send(body[sent:])
            self.assert_same_bytes(CODINGS["gzip"].decode(stream.read_response().body), body)
            for connection in crowd:
                connection.reset()
            self.assert_books_balanced(running)

    def test_a_queue_for_memory_is_bounded_too(self):
        # Fewer workspaces for brotli 11 than requests that may wait: those who wait lack memory.
        places = 8
        head, pieces = service.make_request("POST", f"{COMPRESS}?coding=br&level=11",
                                            codings.text(100_000), {"Expect": "100-continue"},
                                            chunked=True)
        body = b"".join(pieces)
        with Service(compute_threads=1, max_queued_jobs=places, queue_timeout="60s",
                     workspace_bytes="300m") as running:
            crowd = [running.connect() for _ in range(3 * places)]
            for connection in crowd:  # all are let in, then all come at once
                connection.send(head)
                self.assertTrue(connection.socket.recv(4096).startswith(b"HTTP/1.1 100 "))
            for connection in crowd:
                connection.send(body)
            answers = [connection.read_response() for connection in crowd]
            refused = [answer for answer in answers if answer.status != 200]
            self.assertTrue(refused and len(refused) < len(crowd), answers)
            for answer in refused:
                self.assert_problem(answer, 503, "overloaded")
            used = [pool for name, pool in running.pools().items()
                    if name.startswith("br-compress") and pool["acquisitions"] > 0]
            self.assertTrue(used and all(pool["blocks"] < places for pool in used), used)
            for connection in crowd:
                connection.close()
            self.assert_books_balanced(running)

    def test_memory(self):
        with Service(pool_mtu_blocks=64, pool_64k_blocks=4, queue_timeout="50ms") as running:
            problem = self.assert_problem(
                running.post(f"{COMPRESS}?coding=lz4", bytes(3 * MIB)), 503, "pool_exhausted")
            self.assertIn("--pool-64k-blocks", problem["detail"])
            self.assertGreater(problem["observed"], problem["limit"])


# Bombs: 10 GiB of zeros each, where the format can say that in a few megabytes.

def gzip_bomb():
    member = CODINGS["gzip"].encode(bytes(16 * MIB))
    return member * (10 * GIB // (16 * MIB))


def deflate_bomb():
    packer = zlib.compressobj(9)
    start = packer.compress(bytes(16 * MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(16 * MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    count = 10 * GIB // (16 * MIB)
    checksum = (10 * GIB % 65521) << 16 | 1  # Adler-32 of that many zeros
    return start + piece * (count - 1) + b"\x03\x00" + struct.pack(">I", checksum)


def zstd_bomb():
    # A frame of RLE blocks, 128 KiB each for four bytes; window 8 MiB, size not said.
    block = struct.pack("<I", (128 << 10) << 3 | 1 << 1)[:3] + b"\0"
    last = struct.pack("<I", (128 << 10) << 3 | 1 << 1 | 1)[:3] + b"\0"
    return b"\x28\xb5\x2f\xfd\x00\x68" + block * (10 * GIB // (128 << 10) - 1) + last


def lz4_bomb():
    return codings.run("lz4", "-q", "-c", "-B7")(bytes(256 * MIB)) * (10 * GIB // (256 * MIB))


def brotli_bomb():
    return codings.run("brotli", "-q", "1", "-c")(bytes(GIB // 2))  # streams can't be joined


def zstd_frame(descriptor, rest):
    return b"\x28\xb5\x2f\xfd" + bytes([descriptor]) + rest


BOMBS = {
    # name: query, fields, body, code of the refusal (None: the answer is whole)
    "gzip, 10 GiB of zeros": ("?coding=gzip", {}, gzip_bomb, "output_limit_exceeded"),
    "deflate, 10 GiB of zeros": ("?coding=deflate", {}, deflate_bomb, "output_limit_exceeded"),
    "zstd, 10 GiB of zeros": ("?coding=zstd", {}, zstd_bomb, "output_limit_exceeded"),
    "lz4, 10 GiB of zeros": ("?coding=lz4", {}, lz4_bomb, "output_limit_exceeded"),
    "br, 512 MiB of zeros": ("?coding=br", {}, brotli_bomb, "output_limit_exceeded"),
    "gzip in gzip, 10 GiB": ("", {"Content-Encoding": "gzip, gzip"},
                             lambda: CODINGS["gzip"].encode(gzip_bomb()),
                             "output_limit_exceeded"),
    "zstd in gzip, 10 GiB": ("", {"Content-Encoding": "zstd, gzip"},
                             lambda: CODINGS["gzip"].encode(zstd_bomb()),
                             "output_limit_exceeded"),
    "10,000 empty gzip members": ("?coding=gzip", {},
                                  lambda: CODINGS["gzip"].encode(b"") * 10_000, None),
    "2,000,000 empty zstd frames": ("?coding=zstd", {},
                                    lambda: zstd_frame(0x20, b"\0\1\0\0") * 2_000_000,
                                    "frame_limit_exceeded"),
    "2,000,000 skippable lz4 frames": ("?coding=lz4", {},
                                       lambda: b"\x50\x2a\x4d\x18\0\0\0\0" * 2_000_000,
                                       "frame_limit_exceeded"),
    "zstd with a window of 128 MiB": ("?coding=zstd", {},
                                      lambda: zstd_frame(0x00, b"\x88\1\0\0"), "window_too_large"),
    "zstd that declares 2^63 bytes": ("?coding=zstd", {},
                                      lambda: zstd_frame(0xC0, b"\x68" + struct.pack("<Q", 1 << 63)
                                                         + b"\1\0\0"), "output_limit_exceeded"),
    "zstd that declares 2^64 - 1 in a window": (
        "?coding=zstd", {}, lambda: zstd_frame(0xE0, b"\xff" * 8 + b"\1\0\0"), "window_too_large"),
}


class BombTest(TestCase):
    """Each bomb: refused by its limit, at the memory of one stream, with others served meanwhile."""

    table = []

    def test_bombs(self):
        for name, (query, fields, make, code) in BOMBS.items():
            with self.case(bomb=name):
                self.explode(name, query, fields, make(), code)

    def explode(self, name, query, fields, bomb, code):
        # One loop, so that the others share it with the bomb.
        with Service(max_output_bytes="128m", max_stream_bytes="1m", threads=1) as running:
            running.post(f"{COMPRESS}?coding=lz4", codings.text(1400))
            before = running.status("VmHWM")
            done = threading.Event()
            waits = []

            def others():
                with running.connect() as connection:
                    while not done.is_set() or not waits:
                        started = time.monotonic()
                        answer = connection.request("POST", f"{COMPRESS}?coding=lz4",
                                                    codings.text(1400))
                        waits.append(time.monotonic() - started if answer.status == 200 else 1e9)
            other = threading.Thread(target=others)
            other.start()
            exploded = time.monotonic()
            out = [0]

            def count(piece):
                out[0] += len(piece)
            try:
                with running.connect() as connection:
                    answer = connection.request("POST", DECOMPRESS + query, bomb, fields, sink=count)
                status = str(answer.status)
            except BrokenOff:
                status = "broken off"
            finally:
                lasted = time.monotonic() - exploded
                done.set()
                other.join()
            if code is None:
                self.assertEqual((status, out[0]), ("200", 0))
            else:
                self.assertIn(status, ("413", "broken off"))
                self.assertEqual(hits(running, code), 1)
                self.assertLessEqual(out[0], 128 * MIB)
            # However long the body, a few blocks of it are here at a time.
            self.assertLess(running.pools()["64k"]["peak"], 100)
            grown = running.status("VmHWM") - before
            # br's window of 16 MiB is the largest workspace here; 1 MiB of result is kept; then the
            # blocks of input, and what threads touch for the first time. Sanitizers add their shadow.
            if not service.SANITIZED:
                self.assertLess(grown, 24 * MIB)
            # Nobody waits until the bomb is through; a second is for a busy machine.
            self.assertLess(max(waits), max(1.0, lasted / 2))
            self.assert_books_balanced(running)
            waits.sort()
            BombTest.table.append((name, len(bomb), code or "none", out[0] if status != "413" else 0,
                                   grown, waits[len(waits) * 99 // 100]))


def print_table():
    print("| bomb | sent | stopped by | let out | peak RSS grew | others' p99 |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, sent, code, out, grown, p99 in BombTest.table:
        print(f"| {name} | {size(sent)} | `{code}` | {size(out)} | {size(grown)} "
              f"| {1000 * p99:.1f} ms |")


def size(count):
    for unit, name in ((MIB, "MiB"), (1024, "KiB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} B"


if __name__ == "__main__":
    if "--table" in sys.argv:
        sys.argv = [argument for argument in sys.argv if argument != "--table"] + ["BombTest"]
        import atexit
        atexit.register(print_table)
    service.main()
