#!/usr/bin/env python3
"""Long bodies, and clients that read late, never, or stop sending: bounded memory, no deadlock.

FRDPU_LONG=1 adds the long run: 10 GiB of zeros and of noise through compress.
"""

import hashlib
import os
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import codings, service  # noqa: E402
from support.codings import CODINGS  # noqa: E402
from support.service import LONG, SANITIZED, BrokenOff, Service, SharedServiceTest, TestCase  # noqa: E402

MIB = 1 << 20
SIZE = 16 * MIB if SANITIZED else 64 * MIB
# Allocators, magazines and thread stacks settle; pools do not grow beyond what they have once used.
SETTLE = 200 * MIB if SANITIZED else 4 * MIB


def mixed_block():
    """1 MiB, half of it compressible."""
    return codings.text(MIB // 2) + codings.random_bytes(MIB // 2)


class Stream:
    """A body of blocks that is made while it is sent, and its digest."""

    def __init__(self, block, count):
        self.block = block
        self.count = count

    @property
    def size(self):
        return len(self.block) * self.count

    def digest(self):
        state = hashlib.blake2b()
        for _ in range(self.count):
            state.update(self.block)
        return state.hexdigest()

    def send(self, connection, target, chunked, fields=""):
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {self.size}"
        connection.send(f"POST {target} HTTP/1.1\r\nHost: t\r\n{framing}\r\n{fields}\r\n".encode())
        chunk = b"%x\r\n%b\r\n" % (len(self.block), self.block)
        for _ in range(self.count):
            connection.send(chunk if chunked else self.block)
        if chunked:
            connection.send(b"0\r\n\r\n")


class Digest:
    """A sink that keeps the length and the digest of what it took."""

    def __init__(self):
        self.state = hashlib.blake2b()
        self.size = 0

    def __call__(self, piece):
        self.state.update(piece)
        self.size += len(piece)

    def hexdigest(self):
        return self.state.hexdigest()


def pass_through(connection, stream, target, chunked, sink, fields=""):
    """Sends the stream and reads the answer at the same time."""
    sender = threading.Thread(target=stream.send, args=(connection, target, chunked, fields),
                              daemon=True)
    sender.start()
    response = connection.read_response(sink=sink)
    sender.join()
    return response


class LongBodyTest(SharedServiceTest):
    """64 MiB through each fast coding, there and back."""

    def there_and_back(self, coding, stream, chunked):
        packed = bytearray()
        with self.service.connect() as connection:
            response = pass_through(connection, stream,
                                    f"/v1/compress?coding={coding.name}&level={coding.fast_level}",
                                    chunked, packed.extend)
            self.assert_status(response, 200)
            # Back on the same connection: it is still in step.
            back = Digest()
            response = pass_through(connection, Stream(bytes(packed), 1),
                                    f"/v1/decompress?coding={coding.name}", chunked, back)
            self.assert_status(response, 200)
            self.assertEqual((back.size, back.hexdigest()), (stream.size, stream.digest()))

    def test_there_and_back(self):
        for block, name in ((mixed_block(), "mixed"), (bytes(MIB), "zeros")):
            for coding in CODINGS.values():
                for chunked in (False, True):
                    with self.case(coding=coding.name, body=name, chunked=chunked):
                        self.there_and_back(coding, Stream(block, SIZE // 2 // MIB), chunked)

    def test_memory_does_not_grow_with_the_body(self):
        for coding in ("lz4", "zstd", "gzip", "identity"):
            query = "" if coding == "identity" else "&level=1"
            target = f"/v1/compress?coding={coding}{query}"
            with self.case(coding=coding), self.service.connect() as connection:
                pass_through(connection, Stream(mixed_block(), 16), target, True, Digest())
                before = self.service.status("VmRSS")
                pass_through(connection, Stream(mixed_block(), SIZE // MIB), target, True, Digest())
                after = self.service.status("VmRSS")
                self.assertLess(after - before, SETTLE)

    def test_many_streams_at_once(self):
        stream = Stream(mixed_block(), 4)
        digest = stream.digest()
        failures = []

        def one(coding):
            try:
                packed = bytearray()
                with self.service.connect() as connection:
                    pass_through(connection, stream, f"/v1/compress?coding={coding}&level=1", True,
                                 packed.extend)
                    back = Digest()
                    pass_through(connection, Stream(bytes(packed), 1),
                                 f"/v1/decompress?coding={coding}", False, back)
                if back.hexdigest() != digest:
                    failures.append((coding, "differs"))
            except Exception as error:  # a thread's failure is the test's
                failures.append((coding, repr(error)))

        threads = [threading.Thread(target=one, args=(name,)) for name in CODINGS for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


class SendEverythingFirstTest(SharedServiceTest):
    """Clients that read nothing before they have sent everything, and would deadlock."""

    flags = {"pool_64k_blocks": 4096, "write_timeout": "20s"}

    def send_then_read(self, target, stream, chunked):
        """Through a small receive buffer, so that little hides there."""
        with self.service.connect(receive_buffer=1 << 16) as connection:
            stream.send(connection, target, chunked)
            got = Digest()
            response = connection.read_response(sink=got)
            self.assert_status(response, 200)
            return got

    def test_gets_the_whole_answer(self):
        stream = Stream(codings.random_bytes(MIB), SIZE // 2 // MIB)
        for coding in ("identity", "lz4"):
            for chunked in (False, True):
                with self.case(coding=coding, chunked=chunked):
                    got = self.send_then_read(f"/v1/compress?coding={coding}", stream, chunked)
                    self.assertGreaterEqual(got.size, stream.size)
                    if coding == "identity":
                        self.assertEqual(got.hexdigest(), stream.digest())

    def test_gets_the_whole_answer_of_decompress(self):
        data = Stream(codings.random_bytes(MIB), SIZE // 2 // MIB)
        packed = bytearray()
        with self.service.connect() as connection:
            pass_through(connection, data, "/v1/compress?coding=lz4", True, packed.extend)
        for chunked in (False, True):
            with self.case(chunked=chunked):
                got = self.send_then_read("/v1/decompress", Stream(bytes(packed), 1), chunked)
                self.assertEqual((got.size, got.hexdigest()), (data.size, data.digest()))

    def test_gets_the_whole_answer_of_a_mebibyte_at_once(self):
        for coding in CODINGS.values():
            with self.case(coding=coding.name):
                got = self.send_then_read(f"/v1/compress?coding={coding.name}",
                                          Stream(codings.random_bytes(MIB), 1), False)
                self.assertGreaterEqual(got.size, MIB)


class StreamBoundTest(TestCase):
    """Past --max-stream-bytes the service stops reading until the client takes output."""

    def test_stops_reading_and_goes_on(self):
        stream = Stream(codings.random_bytes(MIB), 24)
        with Service(max_stream_bytes="2m", write_timeout="60s") as small:
            with small.connect(receive_buffer=1 << 16) as connection:
                sender = threading.Thread(
                    target=stream.send, args=(connection, "/v1/compress?coding=identity", True))
                sender.start()
                # The sender stalls: what the service has taken stops growing.
                self.assertTrue(small.eventually(lambda: small.pools()["64k"]["in_use"] > 30, 20))
                in_use = [small.pools()["64k"]["in_use"] for _ in range(200)]
                self.assertLess(max(in_use), 48)
                self.assertTrue(sender.is_alive())
                got = Digest()
                connection.read_response(sink=got)
                sender.join()
                self.assertEqual(got.hexdigest(), stream.digest())
            self.assert_books_balanced(small)

    def test_a_result_of_nearly_that_size_is_kept(self):
        # Which takes full blocks: the bound is one of memory.
        stream = Stream(codings.random_bytes(MIB), 47)
        with Service(max_stream_bytes="48m", write_timeout="60s") as kept:
            for target in ("lz4", "zstd&level=1", "zstd&level=3", "gzip&level=1", "gzip&level=6",
                           "br&level=1"):
                for chunked in (False, True):
                    with self.case(target=target, chunked=chunked), \
                            kept.connect(receive_buffer=1 << 16) as connection:
                        stream.send(connection, f"/v1/compress?coding={target}", chunked)
                        packed = bytearray()
                        response = connection.read_response(sink=packed.extend)
                        self.assert_status(response, 200)
                        got = Digest()
                        got(CODINGS[target.split("&")[0]].decode(bytes(packed)))
                        self.assertEqual(got.hexdigest(), stream.digest())
            self.assert_books_balanced(kept)

    def test_an_empty_pool_does_not_hide_a_client_that_does_not_read(self):
        # A small pool: the result is at its bound of 8 blocks, and the codec found no further one.
        packed = CODINGS["gzip"].encode(bytes(32 * MIB))
        with Service(pool_64k_blocks=11, write_timeout="300ms", queue_timeout="50ms") as small:
            with small.connect(receive_buffer=4096) as connection:
                target = "/v1/transcode?to=identity"
                connection.send(service.make_request("POST", target, packed)[0] + packed)
                self.assertTrue(small.eventually(
                    lambda: small.metric("frdpu_limit_hits_total", code="write_timeout")))
            self.assertGreater(small.pools()["64k"]["exhaustions"], 0)
            self.assert_books_balanced(small)

    def test_a_result_larger_than_the_pool_is_sent_as_it_comes(self):
        # A slice that finds no block behind its seventh: what it wrote must leave for others.
        packed = CODINGS["gzip"].encode(bytes(56 * MIB))
        for blocks in (8, 9, 12):
            with self.case(blocks=blocks), Service(pool_64k_blocks=blocks) as small:
                response = small.post("/v1/decompress", packed)
                self.assert_status(response, 200)
                self.assertEqual(len(response.body), 56 * MIB)
                self.assert_books_balanced(small)

    def test_room_of_a_known_length_is_kept_for_it(self):
        # 4 MiB of result fit the pool of 128 blocks once; the second client waits, then gets 503.
        with Service(pool_64k_blocks=128, queue_timeout="200ms", body_timeout="60s") as small:
            head = (b"POST /v1/compress?coding=lz4 HTTP/1.1\r\nHost: t\r\n"
                    b"Content-Length: 4194304\r\n\r\n")
            first = small.connect()
            first.send(head + bytes(70_000))
            self.assertTrue(small.eventually(
                lambda: small.pools()["64k"]["in_use"] > 0
                or small.metric("frdpu_codec_input_bytes_total", coding="lz4")))
            with small.connect() as second:
                second.send(head)
                self.assert_problem(second.read_response(), 503, "pool_exhausted")
            first.send(bytes(4194304 - 70_000))
            self.assert_status(first.read_response(), 200)
            first.close()
            with small.connect() as third:
                third.send(head + bytes(4194304))
                self.assert_status(third.read_response(), 200)
            self.assert_books_balanced(small)


class StalledClientTest(SharedServiceTest):
    """Peers that stop. Each is cut off after its timeout, counted, and holds nothing after."""

    flags = {"write_timeout": "500ms", "body_timeout": "500ms", "header_timeout": "500ms",
             "idle_timeout": "500ms", "max_stream_bytes": "1m", "min_bytes_per_second": 0}

    def assert_holds_nothing(self):
        self.assert_books_balanced(self.service)
        self.assertTrue(self.service.eventually(
            lambda: self.service.metric("frdpu_connections", state="active") == 0))

    def test_one_that_never_reads_is_broken_off(self):
        for chunked in (False, True):
            with self.case(chunked=chunked):
                with self.service.connect(receive_buffer=8192) as connection:
                    stream = Stream(codings.random_bytes(MIB), 64)
                    with self.assertRaises(OSError):
                        stream.send(connection, "/v1/compress?coding=identity", chunked)
                self.assert_holds_nothing()
        self.assertTrue(any("client_stalled" in line for line in self.service.log))

    def test_one_that_never_reads_a_whole_answer_is_broken_off(self):
        packed = CODINGS["gzip"].encode(bytes(64 * MIB))
        with self.service.connect(receive_buffer=8192) as connection:
            connection.send(service.make_request("POST", "/v1/decompress", packed)[0] + packed)
            for active in (1, 0):
                self.assertTrue(self.service.eventually(
                    lambda: self.service.metric("frdpu_connections", state="active") == active))
            with self.assertRaises(BrokenOff):
                connection.read_response(sink=Digest())
        self.assert_holds_nothing()

    def test_one_that_reads_slowly_is_served(self):
        data = codings.random_bytes(2 * MIB)
        packed = CODINGS["lz4"].encode(data)
        with self.service.connect(receive_buffer=8192) as connection:
            sender = threading.Thread(target=connection._send_pieces,
                                      args=service.make_request("POST", "/v1/decompress", packed))
            sender.start()
            got = bytearray()
            slow = threading.Event()

            def take(piece):
                if len(got) < 200_000 and len(got) // 50_000 < (len(got) + len(piece)) // 50_000:
                    slow.wait(0.3)  # pauses below the timeout, four of them
                got.extend(piece)
            self.assert_status(connection.read_response(sink=take), 200)
            sender.join()
            self.assert_same_bytes(got, data)

    def test_one_that_stops_sending_gets_408(self):
        for framing in ("Content-Length: 1000", "Transfer-Encoding: chunked"):
            for sent in (b"", b"3e8\r\nxyz"):
                with self.case(framing=framing, sent=sent), self.service.connect() as connection:
                    connection.send(f"POST /v1/compress HTTP/1.1\r\nHost: t\r\n{framing}\r\n"
                                    "\r\n".encode() + sent)
                    problem = self.assert_problem(connection.read_response(), 408,
                                                  "request_timeout")
                    self.assertIn("--body-timeout", problem["detail"])
                    self.assertTrue(connection.ended())
        self.assertGreaterEqual(
            self.service.metric("frdpu_limit_hits_total", code="request_timeout"), 4)
        self.assert_holds_nothing()

    def test_one_that_was_told_to_continue_and_does_not(self):
        with self.service.connect() as connection:
            connection.send(b"POST /v1/compress HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n"
                            b"Expect: 100-continue\r\n\r\n")
            response = connection.read_response()
            self.assertEqual(response.interim, [100])
            self.assert_problem(response, 408, "request_timeout")
            self.assertTrue(connection.ended())

    def test_one_that_stops_behind_half_an_answer_is_broken_off(self):
        with self.service.connect() as connection:
            piece = codings.random_bytes(300_000)
            connection.send(b"POST /v1/compress?coding=identity HTTP/1.1\r\nHost: t\r\n"
                            b"Transfer-Encoding: chunked\r\n\r\n493e0\r\n" + piece + b"\r\n")
            with self.assertRaises(BrokenOff) as broken:
                connection.read_response()
            self.assertEqual(broken.exception.response.status, 200)
            got = broken.exception.response.body
            self.assert_same_bytes(got, piece[:len(got)])
        self.assert_holds_nothing()

    def test_one_that_types_its_body_slowly_is_served(self):
        with self.service.connect() as connection:
            connection.send(b"POST /v1/compress?coding=identity HTTP/1.1\r\nHost: t\r\n"
                            b"Content-Length: 5\r\n\r\n")
            pause = threading.Event()
            for byte in b"hello":
                pause.wait(0.25)  # below the timeout, together far above it
                connection.send(bytes([byte]))
            self.assertEqual(connection.read_response().body, b"hello")

    def test_half_a_head_gets_408(self):
        for sent in (b"P", b"POST /v1/compress HTTP/1.1\r\nHost: t\r\n"):
            with self.case(sent=sent), self.service.connect() as connection:
                connection.send(sent)
                problem = self.assert_problem(connection.read_response(), 408, "request_timeout")
                self.assertIn("--header-timeout", problem["detail"])
                self.assertTrue(connection.ended())
        self.assert_holds_nothing()

    def test_slow_typing_does_not_keep_a_head_alive(self):
        with self.service.connect() as connection:
            stop = threading.Event()

            def type_slowly():
                try:
                    while not stop.wait(0.05):
                        connection.send(b"X")
                except OSError:
                    pass
            typist = threading.Thread(target=type_slowly)
            typist.start()
            try:
                self.assert_problem(connection.read_response(), 408, "request_timeout")
            finally:
                stop.set()
                typist.join()

    def test_half_a_second_head_gets_408_too(self):
        with self.service.connect() as connection:
            connection.send(b"GET /v1/codings HTTP/1.1\r\nHost: t\r\n\r\nGET /v1/co")
            self.assert_status(connection.read_response("GET"), 200)
            self.assert_problem(connection.read_response("GET"), 408, "request_timeout")
            self.assertTrue(connection.ended())

    def test_idle_connections_are_closed_without_a_word(self):
        with self.service.connect() as connection:
            self.assert_status(connection.request("GET", "/v1/codings"), 200)
            self.assertTrue(connection.ended(), connection.buffer)

    def test_connections_that_never_say_anything_are_closed(self):
        with self.service.connect() as connection:
            rest = connection.rest()
            self.assertTrue(rest == b"" or rest.startswith(b"HTTP/1.1 408"), rest)

    def test_refused_clients_that_go_on_sending_are_cut(self):
        # A body over the limit is not read for ever.
        with Service(max_body_bytes="1k") as strict:
            with strict.connect() as connection:
                with self.assertRaises(OSError):
                    Stream(bytes(MIB), 256).send(connection, "/v1/compress", True)

    def test_stalled_writes_are_counted(self):
        found = [value for name, value in self.service.metrics().items() if "write_timeout" in name
                 or "stalled" in name]
        self.assertTrue(found, "no metric counts stalled writes")


class TurnTest(SharedServiceTest):
    """One worker, and uploads that never end: whoever comes later has its turns as well."""

    flags = {"threads": 1, "compute_threads": 1, "max_body_bytes": 0, "max_cpu_seconds": 0}

    def test_endless_uploads_leave_turns_to_others(self):
        target = "/v1/compress?coding=gzip&level=9"
        piece = next(service.encode_chunks(mixed_block()[:1 << 16], 1 << 16))

        def upload(connection):
            try:
                while True:
                    connection.send(piece)
            except OSError:
                pass  # shut down, below

        endless = [self.service.connect() for _ in range(4)]
        threads = []
        for connection in endless:
            connection.send(service.make_request("POST", target, chunked=True)[0])
            threads += [threading.Thread(target=upload, args=[connection]),
                        threading.Thread(target=connection.rest)]
        for thread in threads:
            thread.start()
        try:
            worked = "frdpu_codec_input_bytes_total"
            self.assertTrue(self.service.eventually(lambda: self.service.metric(
                worked, coding="gzip", direction="compress") > 4 * MIB), "they do not get on")
            body = codings.text(2 * MIB)
            answer = self.post(target, body)
            self.assert_same_bytes(CODINGS["gzip"].decode(answer.body), body)
        finally:
            for connection in endless:
                connection.socket.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()
            for connection in endless:
                connection.close()


class AbandonedTest(SharedServiceTest):
    """Clients that go away in the middle."""

    def test_in_the_middle_of_heavy_work(self):
        body = codings.text(MIB)
        for cut in (100_000, 300_000, 600_000):
            connection = self.service.connect()
            head, pieces = service.make_request("POST", "/v1/compress?coding=zstd&level=15", body)
            connection.send(head + pieces[0][:cut])
            connection.reset()
        self.assert_books_balanced(self.service)

    def test_at_every_stage_of_a_stream(self):
        data = codings.random_bytes(2 * MIB)
        head, pieces = service.make_request("POST", "/v1/compress?coding=lz4", data, chunked=True)
        wire = head + b"".join(pieces)
        for cut in range(1000, len(wire), 150_000):
            connection = self.service.connect()
            # What can't be sent without reading is not sent.
            connection.socket.setblocking(False)
            try:
                connection.socket.send(wire[:cut])
            except BlockingIOError:
                pass
            connection.reset()
        self.assert_books_balanced(self.service)
        self.assertTrue(self.service.eventually(
            lambda: self.service.metric("frdpu_http_requests_in_flight", route="/v1/compress") == 0))

    def test_a_thousand_connections_leave_nothing(self):
        before = self.service.descriptors()
        for round_ in range(4):
            many = [self.service.connect() for _ in range(250)]
            for index, connection in enumerate(many):
                connection.send(b"POST /v1/compress HTTP/1.1\r\nHost: t\r\n"[:index % 40])
            for connection in many:
                connection.reset() if round_ % 2 else connection.close()
        self.assertTrue(self.service.eventually(lambda: self.service.descriptors() <= before + 2))
        self.assert_books_balanced(self.service)


@unittest.skipUnless(LONG, "FRDPU_LONG=1 runs it: 10 GiB take minutes")
class TenGibibytesTest(TestCase):
    """RSS grows by no more than 1 MiB after the first 100 MiB."""

    def run_one(self, target, block, gibibytes):
        with Service(max_body_bytes=0, max_output_bytes=0) as big, big.connect() as connection:
            sizes = []
            sent = threading.Event()

            def watch():
                while not sent.wait(0.5):
                    taken = big.metric("frdpu_codec_input_bytes_total", direction="compress") or 0
                    if taken > 100 * MIB:
                        sizes.append(big.status("VmRSS"))
            watcher = threading.Thread(target=watch)
            watcher.start()
            got = Digest()
            stream = Stream(block, gibibytes * 1024)
            started = time.monotonic()
            pass_through(connection, stream, target, True, got)
            seconds = time.monotonic() - started
            sent.set()
            watcher.join()
            growth = max(sizes) - sizes[0]
            print(f"{target}: {stream.size >> 20} MiB in, {got.size >> 20} MiB out, "
                  f"{stream.size / seconds / 1e9:.2f} GB/s, RSS {sizes[0] >> 10} KiB, "
                  f"growth {growth >> 10} KiB over {len(sizes)} samples", file=sys.stderr)
            self.assertLessEqual(growth, MIB)

    def test_zeros(self):
        for coding in ("lz4", "zstd", "gzip&level=1"):
            with self.case(coding=coding):
                self.run_one(f"/v1/compress?coding={coding}", bytes(MIB), 10)

    def test_noise(self):
        for coding in ("lz4", "zstd"):
            with self.case(coding=coding):
                self.run_one(f"/v1/compress?coding={coding}", os.urandom(MIB), 10)


if __name__ == "__main__":
    service.main()
