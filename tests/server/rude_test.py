#!/usr/bin/env python3
"""Slow and rude clients, many at once: what they hold comes home, and nobody else waits for it.

After every test: all blocks and workspaces home, no connection, no descriptor more than before.
Nothing sleeps: the service's own timeouts, which are short, end what hangs.
"""

import os
import select
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import codings, service  # noqa: E402
from support.service import SharedServiceTest  # noqa: E402

PATH = "/v1/compress?coding=identity"
HEAD = f"POST {PATH} HTTP/1.1\r\nHost: t\r\n"
PIECE = b"400\r\n" + bytes(1024) + b"\r\n"


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_by_workers_and_others(pid):
    """Nanoseconds of CPU of the threads that compress, and of all others."""
    spent = {True: 0, False: 0}
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/comm") as name, \
                open(f"/proc/{pid}/task/{thread}/schedstat") as clock:
            spent[name.read().strip() == "frdpu-worker"] += int(clock.read().split()[0])
    return spent[True], spent[False]


class RudeTest(SharedServiceTest):
    """Counts what is there before a test and expects the same behind it."""

    def setUp(self):
        self.opened = []
        self.assert_settled()
        self.descriptors = self.service.descriptors()

    def tearDown(self):
        for connection in self.opened:
            connection.close()
        self.assert_settled()
        # One connection asks for the numbers.
        self.assertTrue(self.service.eventually(
            lambda: self.service.descriptors() <= self.descriptors + 1),
            f"{self.service.descriptors()} descriptors, {self.descriptors} before")

    def assert_settled(self):
        self.assert_books_balanced(self.service)
        self.assertTrue(self.service.eventually(
            lambda: self.service.metric("frdpu_connections") == 0), "connections are left")
        for route in ("/v1/compress", "/v1/decompress", "other"):
            self.assertEqual(self.service.metric("frdpu_http_requests_in_flight", route=route), 0)

    def connect(self, count, **options):
        connections = [self.service.connect(**options) for _ in range(count)]
        self.opened += connections
        return connections

    def assert_others_are_served(self):
        started = time.monotonic()
        self.assertEqual(self.post(PATH, b"hello").body, b"hello")
        self.assertLess(time.monotonic() - started, service.TIMEOUT / 4)

    def type_slowly(self, connections, text):
        """Sends a byte of `text` on each connection, then the next one, until an answer comes on
        each or the text ends; others are served meanwhile."""
        left = {connection.socket: connection for connection in connections}
        for at in range(len(text)):
            if at % 20 == 5:
                self.assert_others_are_served()
            for client in list(left):
                try:
                    client.send(text[at:at + 1])
                except OSError:
                    del left[client]
            for client in select.select(list(left), [], [], 0.02)[0]:  # the typist's pace
                del left[client]
            if not left:
                return at
        return len(text)


class SlowTest(RudeTest):
    flags = {"header_timeout": "300ms", "body_timeout": "300ms", "idle_timeout": "300ms",
             "min_bytes_per_second": 2000}

    def assert_late(self, connections, flag):
        for connection in connections:
            problem = self.assert_problem(connection.read_response(), 408, "request_timeout")
            self.assertIn(flag, problem["detail"])
            self.assertIn("limit", problem)
            self.assertIn("observed", problem)
            self.assertTrue(connection.ended())

    def test_heads_a_byte_at_a_time(self):
        crowd = self.connect(100)
        typed = self.type_slowly(crowd, (HEAD + "X: " + "y" * 2000).encode())
        self.assertLess(typed, 1000)
        self.assert_late(crowd, "--header-timeout")

    def test_bodies_a_byte_at_a_time(self):
        before = self.service.metric("frdpu_limit_hits_total", code="request_timeout")
        for framing, text in (("Content-Length: 5000\r\n", b"x" * 4000),
                              ("Transfer-Encoding: chunked\r\n", b"1\r\nx\r\n" * 800),
                              ("Transfer-Encoding: chunked\r\n", b"0\r\n" + b"X: y\r\n" * 600)):
            with self.case(framing=framing, text=text[:8]):
                crowd = self.connect(50)
                for connection in crowd:
                    connection.send((HEAD + framing + "\r\n").encode())
                typed = self.type_slowly(crowd, text)
                self.assertLess(typed, 1000)
                self.assert_late(crowd, "--min-bytes-per-second")
        after = self.service.metric("frdpu_limit_hits_total", code="request_timeout")
        self.assertEqual(after, before + 150)

    def test_bodies_that_do_not_go_on(self):
        crowd = self.connect(150)
        for index, connection in enumerate(crowd):
            connection.send((HEAD, HEAD + "Content-Length: 5000\r\n\r\nx",
                             HEAD + "Transfer-Encoding: chunked\r\n\r\n5\r\nhe")[index % 3].encode())
        self.assert_others_are_served()
        self.assert_late(crowd[0::3], "--header-timeout")
        self.assert_late(crowd[1::3] + crowd[2::3], "--body-timeout")

    def test_bodies_that_are_fast_enough(self):
        # Twice the slowest pace, for five windows: the pauses are ours, not the test's alone.
        with self.service.connect() as connection:
            connection.send((HEAD + "Transfer-Encoding: chunked\r\n\r\n").encode())
            ends = time.monotonic() + 1.5
            sent = 0
            while time.monotonic() < ends:
                connection.send(b"c8\r\n" + bytes(200) + b"\r\n")
                sent += 200
                self.assertEqual(select.select([connection.socket], [], [], 0.03)[0], [])
            connection.send(b"0\r\n\r\n")
            self.assertEqual(len(connection.read_response().body), sent)


class SlowReaderTest(RudeTest):
    flags = {"write_timeout": "400ms", "min_bytes_per_second": 2000, "max_stream_bytes": "1m"}

    def test_answers_that_nobody_reads(self):
        before = self.service.metric("frdpu_limit_hits_total", code="write_timeout")
        crowd = self.connect(30, receive_buffer=4096)
        for connection in crowd:
            connection.socket.setblocking(False)
            connection.socket.send((HEAD + "Transfer-Encoding: chunked\r\n\r\n").encode())
        # Each sends until nothing more is taken, and goes on until it is cut off.
        left = {connection.socket for connection in crowd}
        wire = PIECE * 64
        while left:
            for client in select.select([], list(left), [], service.TIMEOUT)[1]:
                try:
                    client.send(wire)
                except BlockingIOError:
                    pass
                except OSError:
                    left.discard(client)
        after = self.service.metric("frdpu_limit_hits_total", code="write_timeout")
        self.assertEqual(after, before + 30)

    def test_answers_a_byte_at_a_time(self):
        # Fast enough: a kernel's buffer holds most of it, and the rest is soon read.
        body = os.urandom(300_000)
        packed = codings.CODINGS["lz4"].encode(body)
        with self.service.connect(receive_buffer=2048) as connection:
            connection.send(service.make_request("POST", "/v1/decompress", packed)[0] + packed)
            got = bytearray()
            while len(got) < 20_000:
                got += connection.socket.recv(1)
            connection.buffer = got
            self.assert_same_bytes(connection.read_response().body, body)

    def test_answers_that_are_read_too_slowly(self):
        before = self.service.metric("frdpu_limit_hits_total", code="write_timeout")
        packed = codings.CODINGS["gzip"].encode(bytes(64 << 20))
        with self.service.connect(receive_buffer=2048) as connection:
            connection.send(service.make_request("POST", "/v1/decompress", packed)[0] + packed)
            taken = 0
            # A read each 20 ms lets a few hundred bytes a second through.
            while self.service.metric("frdpu_limit_hits_total", code="write_timeout") == before:
                taken += len(connection.socket.recv(4))
                select.select([], [], [], 0.01)
            self.assertLess(taken, 100_000)
            self.assertLess(taken + len(connection.rest()), 64 << 20)


class StageTest(RudeTest):
    """Clients that leave at every stage of a request, in every way there is."""

    flags = {"header_timeout": "2s", "body_timeout": "2s", "write_timeout": "2s",
             "idle_timeout": "2s", "max_stream_bytes": "4m"}

    def stages(self):
        chunked = "Transfer-Encoding: chunked\r\n"
        heavy = "POST /v1/compress?coding=br&level=11 HTTP/1.1\r\nHost: t\r\n"
        packed = codings.CODINGS["gzip"].encode(bytes(4 << 20))
        whole = (HEAD + "Content-Length: 5\r\n\r\nhello").encode()
        noise = codings.random_bytes(200_000)
        return {
            "connected": b"",
            "in the method": b"PO",
            "in the target": HEAD[:20].encode(),
            "in a field": (HEAD + "X: y").encode(),
            "in a long head": (HEAD + "X: " + "y" * 5000).encode(),
            "behind the head": (HEAD + "Content-Length: 5\r\n\r\n").encode(),
            "waiting to continue": (HEAD + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n").encode(),
            "in a short body": (HEAD + "Content-Length: 5\r\n\r\nhel").encode(),
            "in a long body": (HEAD + "Content-Length: 900000\r\n\r\n").encode() + noise,
            "in a chunk's size": (HEAD + chunked + "\r\n4").encode(),
            "in a chunk's data": (HEAD + chunked + "\r\n400\r\nxyz").encode(),
            "in a trailer": (HEAD + chunked + "\r\n5\r\nhello\r\n0\r\nX: y").encode(),
            "in a stream": (HEAD + chunked + "\r\n").encode() + PIECE * 300,
            "in a coded stream": b"POST /v1/decompress HTTP/1.1\r\nHost: t\r\n"
                                 b"Content-Length: 5000\r\n\r\n" + packed[:2000],
            "in heavy work": (heavy + "Content-Length: 200000\r\n\r\n").encode() + noise,
            "in a heavy stream": (heavy + chunked + "\r\n30d40\r\n").encode() + noise,
            "behind a request": whole,
            "behind an answer that is too long":
                b"POST /v1/decompress HTTP/1.1\r\nHost: t\r\n"
                b"Content-Length: %d\r\n\r\n" % len(packed) + packed,
            "behind many requests": whole * 200,
            "in the second request": whole + whole[:40],
            "behind a refusal": b"GET /nowhere HTTP/1.1\r\nHost: t\r\n\r\n",
            "behind a refusal that closes": b"GET / HTTP/9.9\r\n\r\n" + noise,
            "behind a body that is refused":
                b"POST /nowhere HTTP/1.1\r\nHost: t\r\nContent-Length: 900000\r\n\r\n" + noise,
        }

    def leave(self, text, how, reads):
        connection = self.service.connect(receive_buffer=16384)
        connection.socket.setblocking(False)
        try:
            connection.socket.send(text)
        except OSError:
            pass
        if reads:
            select.select([connection.socket], [], [], 0.005)
            try:
                connection.socket.recv(100)
            except OSError:
                pass
        connection.socket.settimeout(service.TIMEOUT)
        if how == "close":
            connection.close()
        elif how == "reset":
            connection.reset()
        else:
            try:
                connection.finish_sending()
                connection.rest()  # until the service ends it, however much comes
            except OSError:
                pass  # it was cut off first
            connection.close()

    def test_every_stage_in_every_way(self):
        for name, text in self.stages().items():
            for how in ("close", "reset", "half-close"):
                for reads in (False, True):
                    with self.case(stage=name, how=how, reads=reads):
                        self.leave(text, how, reads)
        self.assert_others_are_served()

    def test_every_byte_of_a_request(self):
        text = (HEAD + "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n").encode()
        for cut in range(len(text) + 1):
            for how in ("close", "reset", "half-close"):
                with self.case(cut=cut, how=how):
                    self.leave(text[:cut], how, False)
        self.assert_others_are_served()

    def test_five_thousand_connections_opened_and_abandoned(self):
        starts = [b"", b"P", HEAD.encode(), (HEAD + "Content-Length: 9\r\n\r\nabc").encode(),
                  (HEAD + "Content-Length: 5\r\n\r\nhello").encode()]
        for _ in range(10):
            crowd = self.connect(500)
            for index, connection in enumerate(crowd):
                connection.send(starts[index % len(starts)])
            for index, connection in enumerate(crowd):
                # Half of them go; the rest stay and say nothing more until they are closed.
                if index % 2:
                    connection.reset() if index % 3 else connection.close()
        self.assert_others_are_served()


class DescriptorTest(RudeTest):
    """No descriptor left: accepting pauses, those who are in are served, nothing spins."""

    flags = {"idle_timeout": "60s", "header_timeout": "600ms"}

    def test_accepting_pauses_without_a_spin(self):
        import resource
        kept = self.connect(1)[0]
        self.assertEqual(kept.request("POST", PATH, b"x").body, b"x")
        before = resource.prlimit(self.service.pid, resource.RLIMIT_NOFILE)
        limit = self.service.descriptors() + 16  # six of them for the admin listener
        resource.prlimit(self.service.pid, resource.RLIMIT_NOFILE, (limit, before[1]))
        crowd = self.connect(40)  # the backlog takes them
        self.service.wait_for_line("out_of_descriptors")
        for _ in range(20):  # the last ones are set aside for who looks after it
            self.assert_status(self.service.admin("/livez"), 200)
        used = cpu_seconds(self.service.pid)
        # A head that does not arrive is the clock: 600 ms, in which nothing else happens.
        kept.send(b"POST")
        self.assert_problem(kept.read_response(), 408, "request_timeout")
        self.assertLess(cpu_seconds(self.service.pid) - used, 0.2, "it spins")
        for connection in crowd[:30]:
            connection.close()
        # Those who are left were waiting and are served now.
        for connection in crowd[30:]:
            self.assertEqual(connection.request("POST", PATH, b"x").body, b"x")
            connection.close()
        resource.prlimit(self.service.pid, resource.RLIMIT_NOFILE, before)
        kept.close()
        warnings = [line for line in self.service.log if "out_of_descriptors" in line]
        self.assertLessEqual(len(warnings), 8, "one line for each time, not for each try")


class UnwantedTest(RudeTest):
    """What arrives while a worker has the request is not read yet, and nobody looks at it all the
    time. The worker is the clock."""

    flags = {"threads": 1, "compute_threads": 1}

    def begin(self, level, size, coding="zstd"):
        """Returns a connection whose request a worker has begun, and what was used before."""
        before = cpu_by_workers_and_others(self.service.pid)
        self.body = codings.text(size)
        head, pieces = service.make_request("POST", f"/v1/compress?coding={coding}&level={level}",
                                            self.body)
        connection = self.connect(1)[0]
        connection.send(head + b"".join(pieces))
        self.assertTrue(self.service.eventually(
            lambda: cpu_by_workers_and_others(self.service.pid)[0] > before[0] + 5e6), "nobody began")
        return connection, before

    def spent_since(self, before):
        return [now - then for now, then in zip(cpu_by_workers_and_others(self.service.pid), before)]

    def assert_loop_sleeps(self, rudeness):
        connection, before = self.begin(level=19, size=1 << 20)
        rudeness(connection)
        answer = connection.read_response().body
        connection.close()
        worked, looped = self.spent_since(before)
        self.assertLess(looped, worked / 2, "it spins")
        self.assert_same_bytes(codings.CODINGS["zstd"].decode(answer), self.body)
        return worked

    def test_bytes_behind_the_request(self):
        self.assert_loop_sleeps(lambda connection: connection.send(HEAD.encode() + bytes(1000)))

    def test_half_a_goodbye(self):
        self.assert_loop_sleeps(lambda connection: connection.finish_sending())

    def test_a_reset_ends_the_work(self):
        whole = self.assert_loop_sleeps(lambda connection: None)
        connection, before = self.begin(level=19, size=1 << 20)
        connection.reset()
        self.service.wait_for_line("end=client_gone")
        self.assert_settled()
        self.assertLess(self.spent_since(before)[0], whole / 2, "it works for nobody")

    def test_work_that_a_reset_ended_is_counted(self):
        connection, _ = self.begin(level=11, size=60_000, coding="br")  # one slice
        connection.reset()
        self.assert_settled()
        for name, least in (("input_bytes", 60_000), ("output_bytes", 1), ("cpu_seconds", 0.005)):
            with self.case(name=name):
                self.assertGreaterEqual(
                    self.service.metric(f"frdpu_codec_{name}_total", coding="br"), least)


if __name__ == "__main__":
    service.main()
