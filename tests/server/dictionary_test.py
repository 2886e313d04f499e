#!/usr/bin/env python3
"""Dictionaries from outside: put, train, list, get, remove, use; and what a crash leaves."""

import concurrent.futures
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import service  # noqa: E402
from support.frames import framed, unframed  # noqa: E402
from support.service import TestCase  # noqa: E402


def record(i):
    return json.dumps({"id": i, "user": f"user{i * 7919 % 1000}", "active": i % 3 == 0,
                       "path": f"/api/v2/users/{i * 31 % 5000}/sessions"}).encode()


RECORDS = [record(i) for i in range(2000)]


class DictionaryTest(TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.start()

    def start(self, **flags):
        self.service = service.Service(dictionary_dir=self.folder, **flags)
        self.addCleanup(self.service.kill)

    def ask(self, method, target, body=None, **options):
        with self.service.connect() as connection:
            return connection.request(method, target, body, **options)

    def put(self, name, content, status=201):
        response = self.ask("PUT", f"/v1/dictionaries/{name}", content)
        self.assert_status(response, status)
        return response.json()

    def train(self, name, samples, status=201, query=""):
        response = self.ask("POST", f"/v1/dictionaries/{name}/train{query}", framed(samples))
        self.assert_status(response, status)
        return response.json()

    def names(self):
        response = self.ask("GET", "/v1/dictionaries")
        self.assert_status(response, 200)
        self.assertEqual(response.field("Content-Type"), "application/json")
        return [entry["name"] for entry in response.json()["dictionaries"]]

    def tool(self, *command, data):
        done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_life_of_a_dictionary(self):
        self.assertEqual(self.names(), [])
        entry = self.put("first", b"".join(RECORDS[:50]))
        self.assertEqual(set(entry), {"name", "id", "bytes", "sha256", "created"})
        content = b"".join(RECORDS[:50])
        self.assertEqual(entry["sha256"], hashlib.sha256(content).hexdigest())
        self.assertEqual(entry["bytes"], len(content))
        self.assertRegex(entry["created"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
        self.put("second", b"something else")
        self.assertEqual(self.names(), ["first", "second"])
        response = self.ask("GET", "/v1/dictionaries/first")
        self.assert_status(response, 200)
        self.assertEqual(response.field("Content-Type"), "application/octet-stream")
        self.assertEqual(response.body, content)
        self.assertEqual(self.ask("HEAD", "/v1/dictionaries/first").field("Content-Length"),
                         str(len(content)))
        replaced = self.put("first", b"now this", status=200)
        self.assertNotEqual(replaced["id"], entry["id"])
        self.assertEqual(self.ask("GET", "/v1/dictionaries/first").body, b"now this")
        response = self.ask("DELETE", "/v1/dictionaries/first")
        self.assert_status(response, 204)
        self.assertEqual(response.body, b"")
        for method in ("GET", "DELETE"):
            self.assert_problem(self.ask(method, "/v1/dictionaries/first"), 404,
                                "unknown_dictionary")
        self.assertEqual(self.names(), ["second"])
        self.assertEqual(os.listdir(self.folder), ["second"])

    def test_trained_ones_help_small_payloads_in_both_formats(self):
        entry = self.train("users", RECORDS[:1500], query="?size=4096")
        self.assertLessEqual(entry["bytes"], 4096)
        self.assertGreater(entry["ratio_with"], 2 * entry["ratio_without"])
        raw = self.ask("GET", "/v1/dictionaries/users").body
        path = os.path.join(self.folder, "users")
        for coding, decode in (("zstd", ("zstd", "-q", "-d", "-c", "-D", path)),
                               ("lz4", ("lz4", "-q", "-d", "-c", "-D", path))):
            for by in ("users", str(entry["id"])):
                query = f"?coding={coding}&dictionary={by}"
                sent = RECORDS[1900]
                with_it = self.ask("POST", "/v1/compress" + query, sent)
                self.assert_status(with_it, 200)
                without = self.ask("POST", f"/v1/compress?coding={coding}", sent)
                self.assertLess(len(with_it.body), 0.7 * len(without.body))
                self.assertEqual(self.tool(*decode, data=with_it.body), sent)
                self.assertIn(entry["id"].to_bytes(4, "little"), with_it.body[:20])
                back = self.ask("POST", "/v1/decompress", with_it.body)
                self.assertEqual(back.body, sent)
                probe = self.ask("POST", "/v1/probe", with_it.body).json()
                self.assertEqual(probe["dictionary_id"], entry["id"])
                self.assertTrue(probe["accepted"])
                batch = self.ask("POST", "/v1/batch/compress" + query, framed(RECORDS[1900:]))
                self.assertEqual(unframed(batch.body)[0], with_it.body)
                decoded = self.ask("POST", "/v1/batch/decompress", batch.body)
                self.assertEqual(unframed(decoded.body), RECORDS[1900:])
        theirs = self.tool("zstd", "-q", "-c", "-D", path, data=RECORDS[3])
        self.assertEqual(self.ask("POST", "/v1/decompress", theirs).body, RECORDS[3])
        moved = self.ask("POST", "/v1/transcode?to=lz4&dictionary=users", theirs)
        self.assertEqual(self.tool("lz4", "-q", "-d", "-c", "-D", path, data=moved.body), RECORDS[3])
        # The same bytes elsewhere are the same dictionary.
        self.assertEqual(self.put("copy", raw)["id"], entry["id"])

    def test_raw_content_is_for_lz4(self):
        content = b"".join(RECORDS[:100])
        entry = self.put("raw", content)
        packed = self.ask("POST", "/v1/compress?dictionary=raw", RECORDS[7])
        path = os.path.join(self.folder, "raw")
        self.assertEqual(self.tool("lz4", "-q", "-d", "-c", "-D", path, data=packed.body),
                         RECORDS[7])
        self.assertIn(entry["id"].to_bytes(4, "little"), packed.body[:20])
        self.assertEqual(self.ask("POST", "/v1/decompress", packed.body).body, RECORDS[7])
        refused = self.ask("POST", "/v1/compress?coding=zstd&dictionary=raw", RECORDS[7])
        self.assert_problem(refused, 400, "invalid_parameter")

    def test_a_frame_whose_dictionary_is_gone(self):
        entry = self.train("users", RECORDS)
        packed = {coding: self.ask("POST", f"/v1/compress?coding={coding}&dictionary=users",
                                   RECORDS[0]).body for coding in ("zstd", "lz4")}
        self.assert_status(self.ask("DELETE", "/v1/dictionaries/users"), 204)
        for body in packed.values():
            problem = self.ask("POST", "/v1/decompress", body)
            self.assert_problem(problem, 422, "unknown_dictionary")
            self.assertIn(str(entry["id"]), problem.json()["detail"])
            probe = self.ask("POST", "/v1/probe", body).json()
            self.assertEqual((probe["accepted"], probe["refused_because"]),
                             (False, "unknown_dictionary"))
            item = unframed(self.ask("POST", "/v1/batch/decompress", framed([body])).body)[0]
            self.assertEqual(item["code"], "unknown_dictionary")

    def test_refusals(self):
        broken = b"\x37\xa4\x30\xec" + bytes(100)  # zstd's magic, and nothing behind it
        for method, target, body, status, code in (
                ("PUT", "/v1/dictionaries/a", b"", 400, "empty_input"),
                ("PUT", "/v1/dictionaries/a", broken, 422, "corrupt_input"),
                ("PUT", "/v1/dictionaries/.hidden", b"x", 400, "invalid_parameter"),
                ("PUT", "/v1/dictionaries/a%2Fb", b"x", 400, "invalid_parameter"),
                ("PUT", "/v1/dictionaries/" + "a" * 65, b"x", 400, "invalid_parameter"),
                ("PUT", "/v1/dictionaries/a?size=3", b"x", 400, "unknown_parameter"),
                ("POST", "/v1/dictionaries/a/train", framed(RECORDS[:7]), 422, "too_few_samples"),
                ("POST", "/v1/dictionaries/a/train", b"", 422, "too_few_samples"),
                ("POST", "/v1/dictionaries/a/train", b"\5\0\0", 400, "malformed_frames"),
                ("POST", "/v1/dictionaries/a/train?size=1", framed(RECORDS), 400,
                 "invalid_parameter"),
                ("POST", "/v1/compress?dictionary=none", b"x", 404, "unknown_dictionary"),
                ("POST", "/v1/compress?coding=gzip&dictionary=none", b"x", 400,
                 "invalid_parameter"),
                ("POST", "/v1/dictionaries/a", b"x", 405, "method_not_allowed"),
                ("DELETE", "/v1/dictionaries", None, 405, "method_not_allowed")):
            with self.case(method=method, target=target):
                self.assert_problem(self.ask(method, target, body), status, code)
        self.assertEqual(self.names(), [])
        self.assertEqual(os.listdir(self.folder), [])

    def test_the_room_for_all_of_them(self):
        self.service.stop()
        self.start(dictionary_bytes=10_000)
        self.put("a", bytes(range(1, 101)) * 60)
        full = self.ask("PUT", "/v1/dictionaries/b", b"b" * 4001)
        self.assert_problem(full, 413, "body_too_large")
        self.assertIn("--dictionary-bytes", full.json()["detail"])
        endless = self.ask("PUT", "/v1/dictionaries/b", b"b" * 3_000_000, chunked=True)
        self.assert_problem(endless, 413, "body_too_large")
        self.put("a", b"less", status=200)
        self.put("b", b"b" * 4001)

    def test_one_may_be_so_large(self):
        self.put("most", b"m" * (2 << 20))
        for chunked in (False, True):
            refused = self.ask("PUT", "/v1/dictionaries/more", b"m" * ((2 << 20) + 1),
                               chunked=chunked)
            self.assert_problem(refused, 413, "body_too_large")
            self.assertEqual(refused.json()["limit"], 2 << 20)
        self.assertEqual(self.names(), ["most"])

    def test_refusals_that_need_no_body_come_before_it(self):
        for target, method, size in (("/v1/dictionaries/a", "PUT", 3 << 20),
                                     ("/v1/dictionaries/a/train", "POST", 100 << 20)):
            with self.service.connect() as connection:
                connection.send(f"{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {size}"
                                "\r\nExpect: 100-continue\r\n\r\n".encode())
                response = connection.read_response()
                self.assert_problem(response, 413, "body_too_large")
                self.assertEqual(response.interim, [])

    def test_a_dictionary_that_no_workspace_is_large_enough_for(self):
        self.train("users", RECORDS)
        large = self.ask("GET", "/v1/dictionaries/users").body
        large += random.Random(1).randbytes((2 << 20) - len(large))
        self.assert_status(self.ask("DELETE", "/v1/dictionaries/users"), 204)
        self.service.stop()
        self.start(max_window_bytes="1m", workspace_bytes="200m")
        self.put("large", large)
        self.assert_status(self.ask("POST", "/v1/compress?coding=zstd&dictionary=large", b"x"), 200)
        for target in ("/v1/compress?", "/v1/batch/compress?"):
            refused = self.ask("POST", target + "coding=zstd&level=12&dictionary=large",
                               framed([b"x"]))
            self.assert_problem(refused, 400, "invalid_parameter")

    def test_who_goes_away_leaves_nothing_behind(self):
        for target, method in (("/v1/dictionaries/a", "PUT"), ("/v1/dictionaries/a/train", "POST"),
                               ("/v1/batch/compress", "POST"), ("/v1/estimate", "POST")):
            head = f"{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\n"
            with self.service.connect() as connection:
                connection.send(head.encode() + framed([bytes(1000)] * 100))
                connection.reset()
        self.assertEqual(self.service.unbalanced(), {})
        self.assertEqual(self.names(), [])
        self.assertEqual(os.listdir(self.folder), [])
        trained = self.service.eventually(  # the turn is free again
            lambda: self.ask("POST", "/v1/dictionaries/b/train", framed(RECORDS)).status == 201)
        self.assertTrue(trained)

    def test_a_training_at_a_time(self):
        with self.service.connect() as slow:
            slow.send(b"POST /v1/dictionaries/a/train HTTP/1.1\r\nHost: h\r\n"
                      b"Content-Length: 100000\r\nExpect: 100-continue\r\n\r\n")
            self.assertEqual(slow._line(), b"HTTP/1.1 100 Continue")
            refused = self.ask("POST", "/v1/dictionaries/b/train", framed(RECORDS))
            self.assert_problem(refused, 503, "overloaded")
            self.assertIsNotNone(refused.field("Retry-After"))
        trained = self.service.eventually(
            lambda: self.ask("POST", "/v1/dictionaries/b/train", framed(RECORDS)).status == 201)
        self.assertTrue(trained)

    def test_without_a_folder(self):
        with service.Service() as plain, plain.connect() as connection:
            for method, target in (("GET", "/v1/dictionaries"), ("GET", "/v1/dictionaries/a"),
                                   ("PUT", "/v1/dictionaries/a"), ("DELETE", "/v1/dictionaries/a"),
                                   ("POST", "/v1/dictionaries/a/train")):
                body = b"x" if method in ("PUT", "POST") else None
                response = connection.request(method, target, body)
                self.assert_problem(response, 501, "not_configured")
            response = connection.request("POST", "/v1/compress?dictionary=a", b"x")
            self.assert_problem(response, 404, "unknown_dictionary")

    def test_a_restart_finds_them(self):
        trained = self.train("users", RECORDS)
        self.put("raw", b"raw content")
        before = self.ask("GET", "/v1/dictionaries").json()
        self.service.stop()
        self.start()
        self.assertEqual(self.ask("GET", "/v1/dictionaries").json(), before)
        packed = self.ask("POST", "/v1/compress?coding=zstd&dictionary=users", RECORDS[5]).body
        self.assertEqual(self.ask("POST", "/v1/decompress", packed).body, RECORDS[5])
        self.assertEqual(before["dictionaries"][1]["id"], trained["id"])

    def test_a_kill_leaves_the_old_one_or_the_new_one(self):
        contents = [bytes([letter]) * 300_000 for letter in b"AB"]
        self.put("one", contents[0])
        for round_number in range(6):
            stop = threading.Event()

            def write():
                while not stop.is_set():
                    for content in contents:
                        try:
                            self.ask("PUT", "/v1/dictionaries/one", content)
                        except (OSError, service.BrokenOff):
                            return

            writer = threading.Thread(target=write)
            writer.start()
            for _ in range(round_number):
                self.ask("GET", "/v1/dictionaries")
            self.service.kill()
            stop.set()
            writer.join()
            with open(os.path.join(self.folder, "one"), "rb") as file:
                self.assertIn(file.read(), contents)
            self.start()
            self.assertIn(self.ask("GET", "/v1/dictionaries/one").body, contents)
            self.assertEqual(os.listdir(self.folder), ["one"])

    def test_replaced_while_in_use(self):
        versions = [b"".join(RECORDS[i:i + 200]) for i in (0, 200, 400)]
        self.put("one", versions[0])
        body = b"".join(RECORDS) * 20

        def compress(_):
            response = self.ask("POST", "/v1/compress?level=9&dictionary=one", body, chunked=True)
            self.assert_status(response, 200)
            return response.body

        with concurrent.futures.ThreadPoolExecutor(4) as clients:
            work = clients.map(compress, range(8))
            for i in range(30):
                self.put("one", versions[(i + 1) % 3], status=200)
            frames = list(work)
        for number, version in enumerate(versions):
            self.put(f"version{number}", version)
        for frame in frames:
            self.assertEqual(self.ask("POST", "/v1/decompress", frame).body, body)
        self.assertEqual(self.service.unbalanced(), {})

    def test_metrics_know_the_templates_alone(self):
        self.put("secret-name", b"content")
        self.ask("GET", "/v1/dictionaries/secret-name")
        text = self.service.admin("/metrics").body.decode()
        self.assertNotIn("secret-name", text)
        self.assertEqual(self.service.metric("frdpu_http_requests_total", status="201",
                                             route="/v1/dictionaries/{name}", method="PUT"), 1)
        self.assertTrue(re.search(r'route="/v1/dictionaries/\{name\}/train"', text))


if __name__ == "__main__":
    service.main()
