"""The access log as operators see it: `access_log_test.py FRDPU SOURCE_DIR`."""

import json
import os
import re
import statistics
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import service  # noqa: E402
from support.service import Connection, Service, parse_address  # noqa: E402

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SECRET = b"do-not-log-me"


class AccessLogTest(unittest.TestCase):
    def start(self, **flags):
        # One loop: a line is written behind the answer's last byte, so that those of two loops may
        # change places.
        running = Service(log_format="json", threads=1, **flags)
        self.addCleanup(running.kill)
        return running

    def lines(self, running):
        """Ends the service. Returns its lines about requests."""
        running.stop()
        every = [json.loads(line) for line in running.log]
        return [line for line in every if line["msg"] == "request"]

    def test_every_request_has_its_line_with_its_ids(self):
        running = self.start()
        answer = running.post("/v1/compress?coding=zstd&level=3", b"x" * 1000,
                              (("X-Request-Id", "id-1"), ("traceparent", TRACEPARENT)))
        self.assertEqual(answer.field("X-Request-Id"), "id-1")
        running.post("/v1/decompress?coding=gzip", b"not gzip")
        running.request("GET", "/v1/codings")
        running.request("BREW", "/nowhere")
        first, second, third, fourth = self.lines(running)
        self.assertLessEqual(
            {"method": "POST", "route": "/v1/compress", "status": 200, "coding": "zstd", "in": 1000,
             "out": len(answer.body), "end": "done", "request_id": "id-1",
             "traceparent": TRACEPARENT}.items(), first.items())
        self.assertGreater(first["ms"], 0)
        self.assertGreater(first["codec_ms"], 0)
        self.assertRegex(first["client"], r"^127\.0\.0\.1:\d+$")
        self.assertEqual((second["status"], second["code"]), (422, "corrupt_input"))
        self.assertEqual((third["route"], third["status"]), ("/v1/codings", 200))
        self.assertEqual((fourth["method"], fourth["route"], fourth["status"]),
                         ("other", "other", 404))

    def test_malformed_ids_are_left_out(self):
        running = self.start()
        running.post("/v1/compress", b"x", (("X-Request-Id", "a" * 200), ("traceparent", "00-1-2-3")))
        line, = self.lines(running)
        self.assertNotIn("request_id", line)
        self.assertNotIn("traceparent", line)

    def test_nothing_of_body_path_query_or_token_is_logged(self):
        running = self.start(log_level="debug", max_body_bytes=1000)
        secret = SECRET.decode()
        running.post("/v1/compress", SECRET, (("Authorization", f"Bearer {secret}"),))
        running.post(f"/v1/compress?dictionary={secret}", SECRET)
        running.post(f"/{secret}", SECRET)
        running.post("/v1/decompress?coding=zstd", SECRET)
        running.post("/v1/compress", SECRET * 100)
        running.post("/v1/compress", SECRET, ((secret, secret), ("Content-Type", secret)))
        running.request("GET", f"/v1/codings?{secret}")
        self.assertGreaterEqual(len(self.lines(running)), 7)
        self.assertNotIn(secret, running.log_text())

    def test_clients_that_leave_and_answers_that_are_cut_off(self):
        running = self.start(max_body_bytes=100_000)
        with running.connect() as connection:
            connection.send(b"POST /v1/compress HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc")
            running.eventually(lambda: running.metric("frdpu_http_requests_in_flight",
                                                      route="/v1/compress"))
        self.assertTrue(running.eventually(
            lambda: not running.metric("frdpu_http_requests_in_flight", route="/v1/compress")))
        try:  # chunked and over the limit once the answer has begun
            running.post("/v1/compress?coding=identity", os.urandom(400_000), chunked=True)
        except service.BrokenOff:
            pass
        gone, cut = self.lines(running)
        self.assertIn(gone["end"], ("client_gone", "done"))
        self.assertEqual(gone["in"], 3)
        self.assertEqual(cut["code"], "body_too_large")

    def test_sampling(self):
        running = self.start(access_log_sample=10)
        for _ in range(50):
            running.post("/v1/compress", b"x")
        self.assertEqual(len(self.lines(running)), 5)
        running = self.start(access_log_sample=0)
        running.post("/v1/compress", b"x")
        self.assertEqual(self.lines(running), [])

    def test_a_terminal_that_nobody_reads_stalls_nobody(self):
        process = subprocess.Popen(
            [service.binary, "serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
             "--access-log-rate", "0"], stderr=subprocess.PIPE,
            env={k: v for k, v in os.environ.items() if not k.startswith("FRDPU_")})
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        found = None
        while not found:
            found = re.search(rb"listening service=(\S+)", process.stderr.readline())
        # From here on nobody reads; 4,000 lines are far more than a pipe and the queue take.
        head = f"X-Request-Id: {'i' * 120}\r\ntraceparent: {TRACEPARENT}\r\n".encode()
        one = b"POST /v1/compress HTTP/1.1\r\nHost: t\r\n" + head + b"Content-Length: 1\r\n\r\nx"
        seconds = []
        with Connection(parse_address(found.group(1).decode())) as connection:
            for _ in range(80):
                begun = time.monotonic()
                connection.send(one * 50)
                for _ in range(50):
                    self.assertEqual(connection.read_response().status, 200)
                seconds.append(time.monotonic() - begun)
        # Milliseconds, or as long as a line waits for its reader: more than a second.
        self.assertLess(statistics.median(seconds[-20:]), 1)
        process.terminate()
        self.assertEqual(process.wait(timeout=30), 0)


if __name__ == "__main__":
    service.binary = os.path.abspath(sys.argv.pop(1))
    sys.argv.pop(1)
    unittest.main(verbosity=1)
