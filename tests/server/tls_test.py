#!/usr/bin/env python3
"""TLS: versions, certificates, bodies through it, ends that can be told apart, reload.

The judges are Python's ssl, curl and openssl s_client; certificates are made here by openssl.
"""

import os
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import codings, service, tls  # noqa: E402
from support.codings import CODINGS  # noqa: E402
from support.service import BrokenOff, Connection, Service, SharedServiceTest, TestCase  # noqa: E402

PATH = "/v1/compress?coding=identity"
CERTIFICATES = tls.Certificates()
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


class TlsTest(SharedServiceTest):
    """One service over TLS for the tests of a class."""

    flags = CERTIFICATES.flags()
    client = {"tls": CERTIFICATES.context()}

    def plain(self):
        """A connection without TLS to the port that speaks it."""
        return self.service.connect(tls=None)

    def tool(self, *arguments, data=b"", status=0):
        done = subprocess.run(arguments, input=data, capture_output=True, check=False,
                              timeout=service.TIMEOUT)
        self.assertEqual(done.returncode, status, done.stderr.decode(errors="replace"))
        return done

    def s_client(self, *arguments, data=b"", status=0):
        done = self.tool("openssl", "s_client", "-connect", "127.0.0.1:%d" % self.service.address[1],
                         "-CAfile", CERTIFICATES.authority.cert, "-verify_return_error",
                         *arguments, data=data, status=status)
        return (done.stdout + done.stderr).decode(errors="replace")


class VersionTest(TlsTest):
    def test_1_2_and_1_3_with_ciphers_that_keep_secrets(self):
        for version, name in ((TLS12, "TLSv1.2"), (TLS13, "TLSv1.3")):
            with self.case(version=name):
                with self.service.connect(tls=CERTIFICATES.context(version)) as connection:
                    self.assertEqual(connection.request("POST", PATH, b"hello").body, b"hello")
                    self.assertEqual(connection.socket.ssl.version(), name)
                    self.assertRegex(connection.socket.ssl.cipher()[0], "GCM|POLY1305|CHACHA20")

    def test_1_1_is_refused(self):
        context = CERTIFICATES.context()
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings(action="ignore"):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaisesRegex(ssl.SSLError, "ALERT_PROTOCOL_VERSION"):
            self.service.connect(tls=context)

    def test_ciphers_without_forward_secrecy_are_refused(self):
        for cipher in ("AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "NULL"):
            with self.case(cipher=cipher):
                context = CERTIFICATES.context(TLS12)
                context.set_ciphers(cipher + ":@SECLEVEL=0")
                with self.assertRaisesRegex(ssl.SSLError, "HANDSHAKE_FAILURE"):
                    self.service.connect(tls=context)

    def test_alpn_is_http_1_1_or_nothing(self):
        for offered, chosen in ((("h2", "http/1.1"), "http/1.1"), (("http/1.1",), "http/1.1"),
                                (("http/1.0",), "http/1.0"), ((), None)):
            with self.case(offered=offered):
                with self.service.connect(tls=CERTIFICATES.context(alpn=offered)) as connection:
                    self.assertEqual(connection.socket.ssl.selected_alpn_protocol(), chosen)
                    self.assert_status(connection.request("POST", PATH, b"x"), 200)
        with self.assertRaisesRegex(ssl.SSLError, "(?i)no.application.protocol"):
            self.service.connect(tls=CERTIFICATES.context(alpn=("h2",)))

    def test_no_renegotiation_and_no_compression(self):
        said = self.s_client("-tls1_2", "-comp", data=b"R\n", status=1)
        self.assertIn("no renegotiation", said)
        self.assertIn("Compression: NONE", said)

    def test_sessions_are_resumed_by_ticket(self):
        for version in ("-tls1_2", "-tls1_3"):
            with self.case(version=version), tempfile.TemporaryDirectory() as folder:
                request = b"GET /v1/codings HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
                kept = os.path.join(folder, "session")
                said = self.s_client(version, "-ign_eof", "-sess_out", kept, data=request)
                self.assertIn("\nNew, ", said)
                said = self.s_client(version, "-ign_eof", "-sess_in", kept, data=request)
                self.assertIn("\nReused, ", said)
                self.assertIn("200 OK", said)

    @service.unittest.skipUnless(shutil.which("curl"), "curl is not installed")
    def test_curl(self):
        data = codings.text(300_000)
        for options in (["--tls-max", "1.2"], ["--tlsv1.3"], ["--http1.0"],
                        ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"]):
            with self.case(options=options):
                done = self.tool("curl", "-sS", "--fail", "--cacert", CERTIFICATES.authority.cert,
                                 *options, "--data-binary", "@-",
                                 "https://localhost:%d/v1/compress?coding=gzip"
                                 % self.service.address[1], data=data)
                self.assert_same_bytes(CODINGS["gzip"].decode(done.stdout), data)


class BodyTest(TlsTest):
    flags = {**CERTIFICATES.flags(), "min_bytes_per_second": 0}

    def test_bodies_of_all_sizes_both_ways(self):
        source = codings.random_bytes(1 << 20)
        for version in (TLS12, TLS13):
            with self.service.connect(tls=CERTIFICATES.context(version)) as connection:
                for size in (0, 1, 1400, 1500, 16383, 16384, 16385, 32768, 65535, 65536, 65537,
                             200_000, 1 << 20):
                    for chunked in (False, True):
                        with self.case(version=version, size=size, chunked=chunked):
                            answer = connection.request("POST", PATH, source[:size],
                                                        chunked=chunked)
                            self.assert_same_bytes(answer.body, source[:size])

    def test_streams_through_codecs(self):
        data = codings.text(6 << 20)
        with self.service.connect() as connection:
            for coding in CODINGS:
                with self.case(coding=coding):
                    level = "&level=1" if coding != "identity" else ""
                    packed = connection.request("POST", f"/v1/compress?coding={coding}{level}", data,
                                                chunked=True).body
                    self.assert_same_bytes(CODINGS[coding].decode(packed), data)
                    again = connection.request("POST", f"/v1/decompress?coding={coding}", packed)
                    self.assert_same_bytes(again.body, data)

    def test_memory_is_flat_while_a_lot_goes_through(self):
        piece = b"10000\r\n" + codings.random_bytes(65536) + b"\r\n"
        count = 4000 if not service.SANITIZED else 200
        with self.service.connect() as connection:
            connection.send(b"POST " + PATH.encode()
                            + b" HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
            grown = []

            def sender():
                for at in range(count):
                    connection.send(piece)
                    if at in (count // 4, count - 1):
                        grown.append(self.service.status("VmRSS"))
                connection.send(b"0\r\n\r\n")

            thread = threading.Thread(target=sender)
            thread.start()
            taken = [0]

            def sink(part):
                taken[0] += len(part)
            connection.read_response(sink=sink)
            thread.join()
        self.assertEqual(taken[0], count * 65536)
        if not service.SANITIZED:
            self.assertLess(grown[1] - grown[0], 4 << 20)

    def test_a_request_a_byte_a_record(self):
        wire = b"".join([*service.make_request("POST", PATH, b"hello world", chunked=True)[:1],
                         *service.encode_chunks(b"hello world", 3)])
        for version in (TLS12, TLS13):
            with self.service.connect(tls=CERTIFICATES.context(version)) as connection:
                for at in range(len(wire)):
                    connection.send(wire[at:at + 1])
                self.assertEqual(connection.read_response().body, b"hello world")

    def test_many_requests_in_one_record(self):
        head, pieces = service.make_request("POST", PATH, b"hello")
        with self.service.connect() as connection:
            connection.send((head + pieces[0]) * 100)
            for _ in range(100):
                self.assertEqual(connection.read_response().body, b"hello")

    def test_a_request_behind_a_body_in_one_record(self):
        # What is read ends with the body, or with the block for heads: the rest is in the session.
        pair, pieces = service.make_request("POST", PATH, bytes(2000))
        long_head, _ = service.make_request("POST", PATH, b"", {"X": "y" * 1300})
        full_block, _ = service.make_request(
            "POST", PATH, b"", {"X": "y" * (1300 + 1500 - len(long_head))})
        following = b"GET /v1/codings HTTP/1.1\r\nHost: t\r\n\r\n"
        self.assertEqual(len(full_block), 1500)
        for version in (TLS12, TLS13):
            for name, first in (("body", pair + pieces[0]), ("block", full_block)):
                with self.case(version=version, ends_with=name), \
                        self.service.connect(tls=CERTIFICATES.context(version)) as connection:
                    connection.send(first + following)
                    self.assert_status(connection.read_response(), 200)
                    self.assert_status(connection.read_response(), 200)

    def test_a_client_that_reads_slowly(self):
        data = codings.random_bytes(3 << 20)
        packed = CODINGS["lz4"].encode(data)
        with self.service.connect(receive_buffer=4096) as connection:
            head, pieces = service.make_request("POST", "/v1/decompress", packed)
            sender = threading.Thread(target=connection._send_pieces, args=(head, pieces))
            sender.start()
            got = bytearray()
            while len(got) < 50_000:
                got += connection.socket.recv(100)
            connection.buffer = got
            self.assert_same_bytes(connection.read_response().body, data)
            sender.join()

    def test_a_client_that_sends_everything_before_it_reads(self):
        data = codings.random_bytes(12 << 20)
        head, pieces = service.make_request("POST", PATH, data, chunked=True)
        with self.service.connect(receive_buffer=65536) as connection:
            connection.send(head + b"".join(pieces))
            self.assert_same_bytes(connection.read_response().body, data)

    def test_100_continue_comes_first(self):
        with self.service.connect() as connection:
            connection.send(b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: t\r\n"
                            b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n")
            self.assertEqual(connection._line(), b"HTTP/1.1 100 Continue")
            self.assertEqual(connection._line(), b"")
            connection.send(b"hello")
            self.assertEqual(connection.read_response().body, b"hello")

    def test_keys_are_changed_under_way(self):
        # s_client's `K` asks for new keys of both sides, which the service has to answer.
        request = b"GET /v1/codings HTTP/1.1\r\nHost: t\r\n\r\n"
        process = subprocess.Popen(
            ["openssl", "s_client", "-tls1_3", "-connect", "127.0.0.1:%d" % self.service.address[1]],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for said, answer in ((request, b"HTTP/1.1 200 OK"), (b"K\n", b"KEYUPDATE"),
                             (request, b"HTTP/1.1 200 OK"), (b"k\n", b"KEYUPDATE"),
                             (request, b"HTTP/1.1 200 OK")):
            with self.case(said=said):
                process.stdin.write(said)
                process.stdin.flush()
                line = b"..."
                while line and answer not in line:
                    line = process.stdout.readline()
                self.assertTrue(line, "it ended")
        process.stdin.close()


class EndTest(TlsTest):
    """A whole answer ends with TLS's goodbye, half of one never does."""

    flags = {**CERTIFICATES.flags(), "max_output_bytes": "1m", "idle_timeout": "300ms",
             "header_timeout": "400ms", "write_timeout": "2s"}

    def assert_serves(self):
        def is_served():
            try:
                return self.post(PATH, b"x").status == 200
            except (OSError, service.BrokenOff):  # where machine and head are slower than 400 ms
                return False

        self.assertTrue(self.service.eventually(is_served))

    def old_request(self, path, body):
        """An answer whose end is the end of the connection: HTTP/1.0, more than a block."""
        return service.make_request("POST", path, body, version="HTTP/1.0")[0] + body

    def test_a_whole_answer_ends_cleanly(self):
        data = codings.random_bytes(400_000)
        for version in (TLS12, TLS13):
            with self.case(version=version):
                context = CERTIFICATES.context(version)
                with self.service.connect(tls=context) as connection:
                    connection.send(self.old_request("/v1/decompress", CODINGS["lz4"].encode(data)))
                    response = connection.read_response()
                    self.assertIsNone(response.field("Content-Length"))
                    self.assert_same_bytes(response.body, data)
                with self.service.connect(tls=context) as connection:
                    self.assert_status(connection.request("POST", PATH, b"x",
                                                          {"Connection": "close"}), 200)
                    self.assertTrue(connection.ended())
                    self.assertFalse(connection.cut_off)

    def test_half_an_answer_does_not(self):
        packed = CODINGS["gzip"].encode(codings.random_bytes(900_000) + bytes(2 << 20))
        for version in (TLS12, TLS13):
            for request in (self.old_request("/v1/decompress", packed),
                            b"".join([service.make_request("POST", "/v1/decompress", packed)[0],
                                      packed])):
                with self.case(version=version, request=request[:40]):
                    with self.service.connect(tls=CERTIFICATES.context(version)) as connection:
                        sender = threading.Thread(target=connection._send_pieces,
                                                  args=(request, []))
                        sender.start()
                        with self.assertRaises(BrokenOff) as broken:
                            connection.read_response()
                        sender.join()
                        self.assertEqual(broken.exception.response.status, 200)
                        self.assertGreater(len(broken.exception.response.body), 10_000)

    def test_a_slow_client_gets_the_goodbye_behind_its_answer(self):
        data = codings.random_bytes(1 << 20)
        with self.service.connect(receive_buffer=4096) as connection:
            connection.send(self.old_request("/v1/decompress", CODINGS["lz4"].encode(data)))
            got = bytearray()
            while len(got) < 20_000:  # far behind what the service has written
                got += connection.socket.recv(50)
            connection.buffer = got
            self.assert_same_bytes(connection.read_response().body, data)

    def test_idle_connections_end_cleanly(self):
        with self.service.connect() as connection:
            self.assertTrue(connection.ended())
            self.assertFalse(connection.cut_off)
        with self.service.connect() as connection:
            self.assert_status(connection.request("POST", PATH, b"x"), 200)
            self.assertTrue(connection.ended())
            self.assertFalse(connection.cut_off)

    def test_a_client_that_ends_cleanly_is_answered(self):
        for version in (TLS12, TLS13):
            client = tls.HalfOpen(self.service.address, CERTIFICATES.context(version))
            client.send_and_say_goodbye(b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: t\r\n"
                                        b"Content-Length: 10\r\n\r\nhello")
            answer = client.read_all()
            self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
            self.assertTrue(answer.endswith(b"}"), answer)

    def test_a_client_that_is_cut_off_is_not_taken_for_one_that_ended(self):
        for chunked in (False, True):
            with self.case(chunked=chunked), self.service.connect() as connection:
                framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 10"
                body = b"5\r\nhello\r\n" if chunked else b"hello"
                connection.send(b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: t\r\n" + framing
                                + b"\r\n\r\n" + body)
                connection.finish_sending()  # TCP's end alone
                self.assertEqual(connection.rest(), b"")
                self.assertTrue(connection.cut_off)

    def test_plain_http_is_told_what_is_spoken(self):
        for method in ("GET", "POST", "HEAD", "PUT"):
            with self.case(method=method), self.plain() as connection:
                connection.send(f"{method} /v1/codings HTTP/1.1\r\nHost: t\r\n\r\n".encode())
                problem = self.assert_problem(connection.read_response("GET"), 400,
                                              "malformed_request")
                self.assertIn("TLS", problem["detail"])
                self.assertTrue(connection.ended())
        with self.plain() as connection:  # and much of it
            connection.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n"
                            + bytes(100_000))
            self.assert_status(connection.read_response(), 400)

    def test_what_is_no_handshake_is_ended(self):
        hello = tls.client_hello(CERTIFICATES.context())
        for name, text in {"noise": codings.random_bytes(2000), "an alert": b"\x15\3\3\0\2\2\x28",
                           "data": b"\x17\3\3\0\5hello", "a hello and noise":
                           hello + codings.random_bytes(500),
                           "a broken hello": hello[:60] + bytes(40) + hello[100:],
                           "an empty line": b"\r\n\r\n", "ssh": b"SSH-2.0-OpenSSH_9.2\r\n"}.items():
            with self.case(name=name), self.plain() as connection:
                connection.send(text)
                connection.rest()
        self.assert_serves()

    def test_handshakes_that_never_come(self):
        hello = tls.client_hello(CERTIFICATES.context())
        for text in (b"", b"\x16", hello[:5], hello[:200], hello):
            with self.case(text=text[:8]), self.plain() as connection:
                connection.send(text)
                connection.rest()  # until the service ends it
        self.assert_serves()


class PaceTest(TlsTest):
    """Who takes nothing is cut off, who takes little but goes on is not."""

    flags = {**CERTIFICATES.flags(), "write_timeout": "500ms", "body_timeout": "500ms",
             "min_bytes_per_second": 2000, "max_stream_bytes": "1m"}

    def start_reading(self):
        data = codings.random_bytes(8 << 20)
        packed = CODINGS["lz4"].encode(data)
        connection = self.service.connect(receive_buffer=4096)
        self.addCleanup(connection.close)
        head = service.make_request("POST", "/v1/decompress", packed)[0]
        sender = threading.Thread(target=connection._send_pieces, args=(head, [packed]))
        sender.start()
        self.addCleanup(sender.join)
        return connection, data

    def test_answers_that_nobody_reads(self):
        before = self.service.metric("frdpu_limit_hits_total", code="write_timeout")
        connection, data = self.start_reading()
        self.assertTrue(self.service.eventually(lambda: self.service.metric(
            "frdpu_limit_hits_total", code="write_timeout") == before + 1))
        connection.rest()
        self.assertTrue(connection.cut_off)
        self.assertLess(len(connection.buffer), len(data))

    def test_answers_that_are_read_little_by_little(self):
        before = self.service.metric("frdpu_limit_hits_total", code="write_timeout")
        connection, data = self.start_reading()
        ends = time.monotonic() + 2
        got = bytearray()
        while time.monotonic() < ends:  # four times the limits; 100 KB/s and less
            got += connection.socket.recv(2000)
            select.select([], [], [], 0.02)
        connection.buffer = got
        self.assert_same_bytes(connection.read_response().body, data)
        after = self.service.metric("frdpu_limit_hits_total", code="write_timeout")
        self.assertEqual(after, before)

    def test_bodies_a_byte_a_record(self):
        with self.service.connect() as connection:
            self.assert_status(connection.request("POST", PATH, b"x"), 200)  # tickets are read
            connection.send(b"POST " + PATH.encode()
                            + b" HTTP/1.1\r\nHost: t\r\nContent-Length: 5000\r\n\r\n")
            answered = []
            while not answered:
                connection.send(b"x")
                answered = select.select([connection.socket], [], [], 0.02)[0]
            problem = self.assert_problem(connection.read_response(), 408, "request_timeout")
            self.assertIn("--min-bytes-per-second", problem["detail"])


class StageTest(TlsTest):
    """Clients that leave in the middle of a handshake, of a record and of an answer."""

    flags = {**CERTIFICATES.flags(), "header_timeout": "1s", "body_timeout": "1s",
             "write_timeout": "1s", "idle_timeout": "1s", "max_stream_bytes": "1m"}

    def leave(self, connection, how):
        if how == "close":
            connection.close()
        elif how == "reset":
            raw = getattr(connection.socket, "ssl", connection.socket)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()
        else:
            connection.finish_sending()
            connection.rest()
            connection.close()

    def test_every_stage_in_every_way(self):
        hello = tls.client_hello(CERTIFICATES.context())
        request = service.make_request("POST", PATH, b"hello")
        long = service.make_request("POST", PATH, codings.random_bytes(900_000))
        descriptors = self.service.descriptors()
        for how in ("close", "reset", "half-close"):
            for cut in [*range(0, 60), *range(60, len(hello), 17), len(hello)]:
                with self.case(how=how, cut=cut):
                    connection = self.plain()
                    connection.send(hello[:cut])
                    self.leave(connection, how)
            for name, sent, raw in (
                    ("shaken hands", b"", b""), ("half a request", request[0], b""),
                    ("a request", request[0] + request[1][0], b""),
                    ("half a body", long[0] + long[1][0][:300_000], b""),
                    ("half a record's head", request[0], b"\x17\3"),
                    ("half a record", request[0], b"\x17\3\3\x20\0" + bytes(3000)),
                    ("a broken record", request[0], b"\x17\3\3\0\x20" + bytes(32)),
                    ("a record that is too long", request[0], b"\x17\3\3\xff\xff" + bytes(99)),
                    ("an answer that nobody reads", long[0] + long[1][0], b"")):
                for version in (TLS12, TLS13):
                    with self.case(how=how, stage=name, version=version):
                        connection = self.service.connect(receive_buffer=8192,
                                                          tls=CERTIFICATES.context(version))
                        sender = threading.Thread(target=connection._send_pieces, args=(sent, []))
                        sender.start()
                        sender.join(0.2)
                        if raw and not sender.is_alive():
                            os.write(connection.socket.fileno(), raw)
                        self.leave(connection, how)
                        sender.join()
        self.assertEqual(self.post(PATH, b"hello").body, b"hello")
        self.assert_books_balanced(self.service)
        self.assertTrue(self.service.eventually(
            lambda: self.service.metric("frdpu_connections") == 0))
        self.assertTrue(self.service.eventually(
            lambda: self.service.descriptors() <= descriptors + 1))


class GreedyHelloTest(TlsTest):
    """Nobody waits long here: what is ended was ended for what it said."""

    flags = {**CERTIFICATES.flags(), "header_timeout": "600s"}

    def test_a_hello_that_claims_too_much_is_ended_at_once(self):
        for claim in (b"\x16\3\1\1\0\1\2\0\0", b"\x16\3\1\0\1\1\x16\3\1\0\3\1\0\0",
                      b"\x16\3\1\1\0\1\xff\xff\xff"):
            with self.case(claim=claim), self.plain() as connection:
                connection.send(claim)
                connection.rest()
        with self.plain() as connection:
            connection.send(b"\x16\3\1\1\0\1\0\x40\0")  # 16 KiB may be claimed
            self.assert_status(self.post(PATH, b"x"), 200)

    def test_hundreds_of_half_handshakes_cost_what_is_planned(self):
        count = 300
        before = self.service.status("VmRSS")
        crowd = [self.plain() for _ in range(count)]
        for connection in crowd:
            connection.send(b"\x16\3\1\1\0\1\0\x40\0" + bytes(247))
        self.assert_status(self.post(PATH, b"x"), 200)
        grown = self.service.status("VmRSS") - before
        for connection in crowd:
            connection.close()
        if not service.SANITIZED:
            self.assertLess(grown / count, 64 * 1024)
        self.assertTrue(self.service.eventually(
            lambda: self.service.metric("frdpu_connections") == 0))

    @service.unittest.skipIf(service.SANITIZED, "sanitizers take memory of their own")
    def test_idle_connections_cost_little(self):
        count = 300
        before = self.service.status("VmRSS")
        crowd = [self.service.connect() for _ in range(count)]
        for connection in crowd:
            self.assert_status(connection.request("POST", PATH, bytes(20_000)), 200)
        self.assertLess((self.service.status("VmRSS") - before) / count, 24 * 1024)
        for connection in crowd:
            connection.close()


class DrainTest(TestCase):
    def start(self, **flags):
        return Service(**CERTIFICATES.flags(), tls=CERTIFICATES.context(), **flags)

    def half_a_request(self, running):
        connection = running.connect()
        self.addCleanup(connection.close)
        connection.send(b"POST " + PATH.encode()
                        + b" HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhello")
        self.assertTrue(running.eventually(
            lambda: running.metric("frdpu_http_requests_in_flight", route="/v1/compress")))
        return connection

    def test_what_is_under_way_finishes_and_what_is_idle_ends_cleanly(self):
        running = self.start(drain_timeout="60s")
        idle = running.connect()
        self.addCleanup(idle.close)
        self.assert_status(idle.request("POST", PATH, b"x"), 200)
        connection = self.half_a_request(running)
        running.terminate()
        self.assertTrue(idle.ended())
        self.assertFalse(idle.cut_off)
        connection.send(b"world")
        self.assertEqual(connection.read_response().body, b"helloworld")
        self.assertTrue(connection.ended())
        self.assertFalse(connection.cut_off)
        self.assertEqual(running.wait(), 0)

    def test_what_is_cut_off_can_tell(self):
        running = self.start(drain_timeout="200ms")
        connection = self.half_a_request(running)
        running.terminate()
        with self.assertRaises(BrokenOff):
            connection.read_response()
        self.assertTrue(connection.cut_off)
        self.assertEqual(running.wait(), 1)


class ClientCertificateTest(TlsTest):
    """Mutual TLS, on both listeners."""

    flags = {**CERTIFICATES.flags(client_ca=True), **CERTIFICATES.flags(admin=True, client_ca=True)}
    client = {"tls": CERTIFICATES.context(client=CERTIFICATES.client),
              "admin_tls": CERTIFICATES.context(client=CERTIFICATES.client)}

    def test_those_who_show_one_come_in(self):
        for version in (TLS12, TLS13):
            context = CERTIFICATES.context(version, client=CERTIFICATES.client)
            for address, path in ((self.service.address, "/v1/codings"),
                                  (self.service.admin_address, "/v1/pools")):
                with Connection(address, tls=context) as connection:
                    self.assert_status(connection.request("GET", path), 200)

    def test_those_who_show_none_or_a_strangers_do_not(self):
        for version in (TLS12, TLS13):
            for client, said in ((None, "CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE"),
                                 (CERTIFICATES.strange_client, "UNKNOWN_CA")):
                for address in (self.service.address, self.service.admin_address):
                    with self.case(version=version, client=client, address=address):
                        context = CERTIFICATES.context(version, client=client)
                        # 1.3 has no way to say it before the client's first read.
                        with self.assertRaisesRegex(ssl.SSLError, said):
                            with Connection(address, tls=context) as connection:
                                connection.socket.recv(1)
        self.service.wait_for_line("handshake_failed reason=")

    def test_long_chains_are_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            chain = os.path.join(folder, "chain.pem")
            for extra, taken in ((5, True), (6, False)):
                with open(chain, "w") as file:
                    for path in [CERTIFICATES.client[0]] + [CERTIFICATES.strange_client[0]] * extra:
                        with open(path) as part:
                            file.write(part.read())
                context = CERTIFICATES.context(TLS12, client=(chain, CERTIFICATES.client[1]))
                with self.case(extra=extra):
                    if taken:
                        self.service.connect(tls=context).close()
                    else:
                        with self.assertRaises(ssl.SSLError):
                            self.service.connect(tls=context)

    def test_the_names_of_authorities_are_sent(self):
        said = self.s_client("-tls1_3", "-ign_eof", status=1)
        self.assertIn("Acceptable client certificate CA names\nCN = authority", said)

    def test_resumption_is_no_way_around(self):
        # A ticket is worth what the handshake was that it comes from.
        context = CERTIFICATES.context(TLS12, client=CERTIFICATES.client)
        with self.service.connect(tls=context) as first:
            self.assert_status(first.request("GET", "/v1/codings"), 200)
            session = first.socket.ssl.session
        raw = socket.create_connection(self.service.address)
        with context.wrap_socket(raw, server_hostname="localhost", session=session) as again:
            self.assertTrue(again.session_reused)
            again.sendall(b"GET /v1/codings HTTP/1.1\r\nHost: t\r\n\r\n")
            self.assertTrue(again.recv(100).startswith(b"HTTP/1.1 200"))

    def test_healthcheck_shows_the_listeners_own(self):
        address = "%s:%d" % self.service.admin_address
        arguments = [service.binary, "healthcheck", "--admin-listen", address]
        for name, value in CERTIFICATES.flags(admin=True, client_ca=True).items():
            arguments += ["--" + name.replace("_", "-"), value]
        self.tool(*arguments)
        stranger = [*arguments[:-2], "--admin-tls-client-ca", CERTIFICATES.stranger.cert]
        stranger[stranger.index("--admin-tls-cert") + 1] = CERTIFICATES.strange_client[0]
        stranger[stranger.index("--admin-tls-key") + 1] = CERTIFICATES.strange_client[1]
        done = self.tool(*stranger, status=1)
        self.assertRegex(done.stderr.decode(), r"\Afrdpu: [^\n]+unknown ca\n\Z")


class ReloadTest(TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cert, self.key, self.token = (os.path.join(folder.name, name)
                                           for name in ("cert.pem", "key.pem", "tokens"))
        self.use(CERTIFICATES.server, "first-token-0123456789")

    def use(self, server, token):
        for source, place in zip(server, (self.cert, self.key)):
            shutil.copy(source, place)
        self.write(self.token, token + "\n")

    def write(self, path, text):
        with open(path, "w", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            file.write(text)

    def start(self, **flags):
        return Service(tls_cert=self.cert, tls_key=self.key, auth_token_file=self.token,
                       tls=CERTIFICATES.context(), token="first-token-0123456789", **flags)

    def hang_up(self, running, word):
        running.process.send_signal(signal.SIGHUP)
        return running.wait_for_line(f"msg={word}.*").group(0)

    def name(self, running):
        with running.connect() as connection:
            return dict(part[0] for part in connection.socket.ssl.getpeercert()["subject"]
                        )["commonName"]

    def test_new_files_are_taken_and_old_connections_live_on(self):
        with self.start() as running:
            self.assertEqual(self.name(running), "server")
            old = running.connect()
            fields = service.bearer("first-token-0123456789")
            self.assert_status(old.request("POST", PATH, b"x", fields), 200)
            half = running.connect()
            head, pieces = service.make_request("POST", PATH, b"helloworld", fields)
            half.send(head + pieces[0][:5])
            self.assertTrue(running.eventually(lambda: running.metric(
                "frdpu_http_requests_in_flight", route="/v1/compress") == 1), "nobody let it in")
            self.use(CERTIFICATES.other_server, "second-token-0123456789")
            self.hang_up(running, "reloaded")
            self.assertEqual(self.name(running), "other-server")
            half.send(pieces[0][5:])
            self.assertEqual(half.read_response().body, b"helloworld")
            # The connection stays, but the token was taken back.
            self.assert_problem(old.request("POST", PATH, b"x", fields), 401, "unauthorized")
            fields = service.bearer("second-token-0123456789")
            self.assert_status(old.request("POST", PATH, b"x", fields), 200)
            old.close()
            half.close()

    def test_what_is_bad_changes_nothing_and_is_one_line(self):
        garbage = "-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n"
        for place, text in ((self.cert, garbage), (self.key, "secret"), (self.token, "se cret\n"),
                            (self.cert, None), (self.key, None), (self.token, None)):
            with self.case(place=os.path.basename(place), text=text):
                self.use(CERTIFICATES.server, "first-token-0123456789")
                running = self.start()
                # Everything else is new, and good.
                self.use(CERTIFICATES.other_server, "second-token-0123456789")
                os.unlink(place) if text is None else self.write(place, text)
                line = self.hang_up(running, "reload_failed")
                self.assertIn(place, line)
                self.assertNotIn("secret", line.replace(place, ""))
                self.assertEqual(self.name(running), "server")
                self.assert_status(running.post(PATH, b"x"), 200)
                running.terminate()
                self.assertEqual(running.wait(), 0)
                self.assertEqual(len(running.trouble()), 1)

    def test_a_key_that_belongs_to_another_certificate(self):
        running = self.start()
        shutil.copy(CERTIFICATES.other_server[0], self.cert)
        self.assertIn("does not belong", self.hang_up(running, "reload_failed"))
        self.assertEqual(self.name(running), "server")
        shutil.copy(CERTIFICATES.other_server[1], self.key)
        self.hang_up(running, "reloaded")
        self.assertEqual(self.name(running), "other-server")
        running.terminate()
        self.assertEqual(running.wait(), 0)

    def test_under_load_no_request_is_lost(self):
        failed, answered, names = [], [], set()
        with self.start() as running:
            stop = threading.Event()

            def client(keeps):
                fields = service.bearer("first-token-0123456789")
                while not stop.is_set():
                    try:
                        with running.connect() as connection:
                            names.add(connection.socket.ssl.getpeercert()["serialNumber"])
                            for _ in range(20 if keeps else 1):
                                answered.append(connection.request("POST", PATH, b"hello", fields
                                                                   ).status)
                    except (OSError, BrokenOff) as error:
                        failed.append(error)

            threads = [threading.Thread(target=client, args=(at % 2,)) for at in range(4)]
            for thread in threads:
                thread.start()
            for turn in range(10):
                before = len(answered)
                server = (CERTIFICATES.server, CERTIFICATES.other_server)[turn % 2]
                self.use(server, "first-token-0123456789")
                self.hang_up(running, "reloaded")
                self.assertTrue(running.eventually(lambda: len(answered) > before + 20))
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failed, [])
        self.assertEqual(set(answered), {200})
        self.assertEqual(len(names), 2)


class StartTest(TestCase):
    """Files that cannot work: exit status 1 or 2, and one line that says which and why."""

    def assert_refused(self, flags, status, *words):
        arguments = [service.binary, "serve", "--listen", "127.0.0.1:0", "--admin-listen",
                     "127.0.0.1:0"]
        for name, value in flags.items():
            arguments += ["--" + name.replace("_", "-"), value]
        done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=service.TIMEOUT, check=False)
        lines = [line for line in done.stderr.decode().splitlines() if line]
        self.assertEqual((done.returncode, len(lines)), (status, 1), lines)
        for word in words:
            self.assertIn(word, lines[0])
        self.assertNotIn("c2VjcmV0", lines[0])

    def test_files_that_cannot_work(self):
        with tempfile.TemporaryDirectory() as folder:
            def file(name, text):
                path = os.path.join(folder, name)
                with open(path, "w") as out:
                    out.write(text)
                return path

            cert, key = CERTIFICATES.server
            encrypted = os.path.join(folder, "encrypted.key")
            tls.openssl("pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", encrypted)
            rsa = CERTIFICATES.authority.issue("rsa-server", ("rsa:2048",))
            weak = CERTIFICATES.authority.issue("weak-server", ("rsa:1024",))
            broken = file("broken.pem", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n"
                                        "-----END PRIVATE KEY-----\n")
            empty = file("empty.pem", "")
            for prefix in ("", "admin_"):
                for pair, words in {
                        (folder + "/none.pem", key): ("tls-cert", "none.pem", "No such file"),
                        (cert, folder + "/none.pem"): ("tls-key", "none.pem", "No such file"),
                        (folder, key): ("tls-cert", "not a regular file"),
                        (empty, key): ("tls-cert", "empty.pem", "no certificate"),
                        (key, key): ("tls-cert", "no certificate"),
                        (cert, cert): ("tls-key", "no key"),
                        (cert, broken): ("tls-key", "broken.pem", "no key"),
                        (cert, encrypted): ("tls-key", "encrypted"),
                        (cert, CERTIFICATES.other_server[1]): ("tls-key", "does not belong"),
                        (cert, rsa[1]): ("tls-key", "does not belong"),
                        weak: ("tls-cert", "too small")}.items():
                    with self.case(pair=pair, prefix=prefix):
                        self.assert_refused({prefix + "tls_cert": pair[0],
                                             prefix + "tls_key": pair[1]}, 1, *words)
                pair = {prefix + "tls_cert": cert, prefix + "tls_key": key}
                for authority in (empty, key, folder + "/none.pem"):
                    with self.case(authority=authority, prefix=prefix):
                        self.assert_refused({**pair, prefix + "tls_client_ca": authority}, 1,
                                            "tls-client-ca", os.path.basename(authority))
                with self.case(prefix=prefix):
                    self.assert_refused({prefix + "tls_cert": cert}, 2, "tls-key")
                    self.assert_refused({prefix + "tls_key": key}, 2, "tls-cert")
                    self.assert_refused({prefix + "tls_client_ca": cert}, 2, "tls-cert")
            with Service(tls_cert=rsa[0], tls_key=rsa[1], tls=CERTIFICATES.context()) as running:
                self.assert_status(running.post(PATH, b"x"), 200)

    def test_what_is_good_enough_but_noteworthy(self):
        with tempfile.TemporaryDirectory() as folder:
            key = os.path.join(folder, "open.key")
            shutil.copy(CERTIFICATES.server[1], key)
            os.chmod(key, 0o644)
            with Service(tls_cert=CERTIFICATES.server[0], tls_key=key) as running:
                running.wait_for_line("open.key is readable by everybody")


if __name__ == "__main__":
    service.main()
