#!/usr/bin/env python3
"""From the start to the last connection: probes, drain, exit statuses, addresses, books."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import codings, service  # noqa: E402
from support.codings import CODINGS  # noqa: E402
from support.service import BrokenOff, Connection, Service, SharedServiceTest, TestCase  # noqa: E402

PATH = "/v1/compress?coding=identity"


def half_a_request(running):
    """A connection with a request under way, known to the service."""
    connection = running.connect()
    connection.send(f"POST {PATH} HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhello".encode())
    assert running.eventually(lambda: running.metric("frdpu_http_requests_in_flight",
                                                     route="/v1/compress"))
    return connection


class DrainTest(TestCase):
    """SIGTERM."""

    def test_an_idle_service_ends_at_once(self):
        with Service() as running:
            self.assert_status(running.post(PATH, b"x"), 200)
        self.assertEqual(running.process.returncode, 0)

    def test_signals_are_for_the_main_thread(self):
        # One that reached a thread which had just begun was lost in a sanitized build.
        with Service() as running:
            tasks = sorted(pathlib.Path(f"/proc/{running.pid}/task").iterdir())
            self.assertGreater(len(tasks), 3)
            for task in tasks:
                blocked = int(re.search(r"^SigBlk:\s*(\w+)", (task / "status").read_text(),
                                        re.M).group(1), 16)
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                    is_blocked = bool(blocked >> (number - 1) & 1)
                    self.assertEqual(is_blocked, int(task.name) != running.pid, (task, number))

    def test_sigint_is_the_same(self):
        running = Service()
        running.process.send_signal(service.signal.SIGINT)
        self.assertEqual(running.wait(), 0)

    def test_idle_connections_are_closed(self):
        running = Service(drain_timeout="60s")
        fresh = running.connect()
        used = running.connect()
        self.assert_status(used.request("POST", PATH, b"x"), 200)
        self.assertTrue(running.eventually(
            lambda: running.metric("frdpu_connections", state="idle") == 2))
        running.terminate()
        self.assertTrue(fresh.ended())
        self.assertTrue(used.ended())
        self.assertEqual(running.wait(), 0)

    def test_a_request_under_way_finishes(self):
        running = Service(drain_timeout="60s")
        connection = half_a_request(running)
        running.terminate()
        running.wait_for_line("draining")
        # No new ones: the listener closes.
        self.assertTrue(running.eventually(lambda: self.is_refused(running.address)))
        connection.send(b"world")
        response = connection.read_response()
        self.assertEqual(response.body, b"helloworld")
        self.assertTrue(response.closes)
        self.assertTrue(connection.ended())
        self.assertEqual(running.wait(), 0)
        self.assertEqual(running.trouble(), [])

    def is_refused(self, address):
        try:
            with Connection(address):
                return False
        except ConnectionResetError:
            return False  # it came between the last accept and the close
        except ConnectionRefusedError:
            return True

    def test_a_long_stream_under_way_finishes(self):
        running = Service(drain_timeout="60s")
        data = codings.random_bytes(8 << 20)
        head, pieces = service.make_request("POST", "/v1/compress?coding=lz4", data, chunked=True)
        wire = head + b"".join(pieces)
        with running.connect() as connection:
            connection.send(wire[:100_000])
            self.assertTrue(running.eventually(
                lambda: running.metric("frdpu_codec_input_bytes_total", coding="lz4")))
            running.terminate()
            running.wait_for_line("draining")
            sender = threading.Thread(target=connection.send, args=(wire[100_000:],))
            sender.start()
            self.assert_same_bytes(CODINGS["lz4"].decode(connection.read_response().body), data)
            sender.join()
        self.assertEqual(running.wait(), 0)

    def test_work_on_a_worker_finishes(self):
        running = Service(drain_timeout="60s", compute_threads=1)
        data = codings.text(300_000)
        head, pieces = service.make_request("POST", "/v1/compress?coding=zstd&level=19", data)
        with running.connect() as connection:
            connection.send(head + pieces[0])
            self.assertTrue(running.eventually(
                lambda: running.metric("frdpu_http_requests_in_flight", route="/v1/compress")))
            running.terminate()
            self.assert_same_bytes(CODINGS["zstd"].decode(connection.read_response().body), data)
        self.assertEqual(running.wait(), 0)

    def test_what_does_not_finish_is_cut_off(self):
        running = Service(drain_timeout="300ms")
        connection = half_a_request(running)
        running.terminate()
        with self.assertRaises(BrokenOff):
            connection.read_response()
        self.assertEqual(running.wait(), 1)

    def test_heavy_work_under_way_is_cut_off_too(self):
        running = Service(drain_timeout="200ms", compute_threads=1)
        body = codings.text(4 << 20)
        head, pieces = service.make_request("POST", "/v1/compress?coding=zstd&level=19", body)
        connections = []
        for _ in range(3):
            connection = running.connect()
            connection.send(head + pieces[0])
            connections.append(connection)
        running.terminate()
        for connection in connections:
            with self.assertRaises(BrokenOff):
                connection.read_response()
        self.assertEqual(running.wait(), 1)

    def test_a_second_signal_cuts_off(self):
        running = Service(drain_timeout="600s")
        connection = half_a_request(running)
        running.terminate()
        running.wait_for_line("draining")
        running.terminate()
        with self.assertRaises(BrokenOff):
            connection.read_response()
        self.assertEqual(running.wait(), 1)

    def test_what_is_pipelined_behind_is_not_answered_but_what_is_under_way_is(self):
        running = Service(drain_timeout="60s")
        connection = half_a_request(running)
        running.terminate()
        running.wait_for_line("draining")
        self.assertTrue(running.eventually(lambda: self.is_refused(running.address)))
        head, pieces = service.make_request("POST", PATH, b"second")
        connection.send(b"world" + head + pieces[0])
        self.assertEqual(connection.read_response().body, b"helloworld")
        self.assertEqual(connection.rest(), b"")
        self.assertEqual(running.wait(), 0)

    def test_the_delay_serves_and_says_not_ready(self):
        running = Service(drain_delay="3s")
        kept = running.connect()
        self.assertFalse(kept.request("POST", PATH, b"x").closes)
        self.assert_status(running.admin("/readyz"), 200)
        running.terminate()
        running.wait_for_line("draining")
        response = running.admin("/readyz")
        self.assert_status(response, 503)
        self.assertTrue(response.field("Retry-After"))
        self.assert_status(running.admin("/livez"), 200)
        # Old and new connections are served, each for one more request.
        response = kept.request("POST", PATH, b"hello")
        self.assertEqual(response.body, b"hello")
        self.assertTrue(response.closes)
        self.assertTrue(kept.ended())
        response = running.post(PATH, b"world")
        self.assertEqual(response.body, b"world")
        self.assertTrue(response.closes)
        self.assertEqual(running.wait(), 0)

    def test_the_admin_listener_lives_until_the_end(self):
        running = Service(drain_timeout="60s")
        connection = half_a_request(running)
        running.terminate()
        running.wait_for_line("draining")
        self.assertTrue(running.eventually(lambda: self.is_refused(running.address)))
        self.assert_status(running.admin("/livez"), 200)
        self.assert_status(running.admin("/readyz"), 503)
        self.assertIn("frdpu_connections", running.admin("/metrics").body.decode())
        connection.send(b"world")
        self.assert_status(connection.read_response(), 200)
        self.assertEqual(running.wait(), 0)

    def test_no_request_is_lost_under_load(self):
        running = Service(drain_timeout="60s")
        lost = []
        answered = []
        head, pieces = service.make_request("POST", PATH, b"hello")

        def client():
            while True:
                try:
                    connection = running.connect()
                except ConnectionRefusedError:
                    return
                except OSError:
                    continue  # reset while it connected: not accepted
                with connection:
                    while True:
                        try:
                            connection.send(head + pieces[0])
                            response = connection.read_response()
                        except (BrokenOff, OSError) as error:
                            # An idle connection may be closed while a request comes in, but no
                            # answer may break off.
                            if getattr(error, "response", None) is not None:
                                lost.append(error)
                            break
                        answered.append(response.status)
                        if response.closes:
                            break

        clients = [threading.Thread(target=client) for _ in range(8)]
        for thread in clients:
            thread.start()
        self.assertTrue(running.eventually(lambda: len(answered) > 500))
        running.terminate()
        for thread in clients:
            thread.join()
        self.assertEqual(running.wait(), 0)
        self.assertEqual(lost, [])
        self.assertEqual(set(answered), {200})


class StartTest(TestCase):
    """What can go wrong before the first request, and what must not."""

    def run_to_end(self, *arguments, env=None):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("FRDPU_")}
        flags = [*arguments]
        for name in ("--listen", "--admin-listen"):
            if name not in arguments:
                flags += [name, "127.0.0.1:0"]
        done = subprocess.run([service.binary, "serve", *flags],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=service.TIMEOUT,
                              env={**clean, **(env or {})})
        return done.returncode, [line for line in done.stderr.decode().splitlines() if line]

    def assert_one_line(self, lines, *words):
        self.assertEqual(len(lines), 1, lines)
        for word in words:
            self.assertIn(word, lines[0])

    def test_a_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            for flag in ("--listen", "--admin-listen"):
                with self.case(flag=flag):
                    status, lines = self.run_to_end(flag, f"127.0.0.1:{port}")
                    self.assertEqual(status, 1)
                    self.assert_one_line(lines, str(port), "in use")

    def test_a_second_service_on_the_same_port(self):
        with Service() as first:
            status, lines = self.run_to_end("--listen", f"127.0.0.1:{first.address[1]}")
            self.assertEqual(status, 1)
            self.assert_one_line(lines, str(first.address[1]), "in use")
            self.assert_status(first.post(PATH, b"x"), 200)

    def test_addresses_that_do_not_exist(self):
        for address in ("192.0.2.1:0", "no.such.host.invalid:0"):
            with self.case(address=address):
                status, lines = self.run_to_end("--listen", address)
                self.assertEqual(status, 1)
                self.assert_one_line(lines, address.partition(":")[0])

    def test_wrong_flags(self):
        for name, value in (("--max-body-bytes", "x"), ("--max-body-bytes", "-1"),
                            ("--idle-timeout", "5"), ("--idle-timeout", "5 parsecs"),
                            ("--max-window-bytes", "256m"), ("--max-window-bytes", "1"),
                            ("--max-connections", "0"), ("--threads", "many"),
                            ("--default-coding", "x"), ("--log-level", "loud"),
                            ("--log-format", "xml"), ("--listen", "nowhere"),
                            ("--listen", "127.0.0.1:99999"), ("--no-such-flag", "1"),
                            ("--tls-cert", "cert.pem"), ("--config", "/no/such/file.json")):
            with self.case(flag=name, value=value):
                status, lines = self.run_to_end(name, value)
                self.assertEqual(status, 2, lines)
                self.assert_one_line(lines, value if name == "--config" else name.strip("-"))

    def test_wrong_environment(self):
        status, lines = self.run_to_end(env={"FRDPU_MAX_BODY_BYTES": "x"})
        self.assertEqual(status, 2, lines)
        self.assert_one_line(lines, "FRDPU_MAX_BODY_BYTES")

    def test_environment_and_flags(self):
        with Service(env={"FRDPU_MAX_BODY_BYTES": "10", "FRDPU_MAX_RATIO": "7"},
                     max_body_bytes=20) as running:
            limits = running.request("GET", "/v1/limits").json()
            self.assertEqual((limits["max_body_bytes"], limits["max_ratio"]), (20, 7))

    def test_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "config.json")
            with open(path, "w") as file:
                file.write('{"max_body_bytes": "1k", "max_ratio": 9}')
            with Service(config=path, max_ratio=11) as running:
                limits = running.request("GET", "/v1/limits").json()
                self.assertEqual((limits["max_body_bytes"], limits["max_ratio"]), (1024, 11))
            for text, word in (('{"max_body_byte": 1}', "max_body_byte"), ("{", path),
                               ('{"max_ratio": "x"}', "max_ratio"), ("[]", path)):
                with self.case(text=text):
                    with open(path, "w") as file:
                        file.write(text)
                    status, lines = self.run_to_end("--config", path)
                    self.assertEqual(status, 2, lines)
                    self.assert_one_line(lines, word)

    def test_restart_on_the_same_port_at_once(self):
        first = Service()
        address = "%s:%d" % first.address
        admin = "%s:%d" % first.admin_address
        # Connections that the service closes first leave the port in TIME_WAIT.
        for _ in range(5):
            self.assertTrue(first.post(PATH, b"x", {"Connection": "close"}).closes)
        idle = first.connect()
        self.assert_status(idle.request("POST", PATH, b"x"), 200)
        first.stop()
        for _ in range(2):
            with Service(listen=address, admin_listen=admin) as again:
                self.assert_status(again.post(PATH, b"x"), 200)
                self.assertEqual("%s:%d" % again.address, address)

    def test_restart_after_a_kill(self):
        first = Service()
        connection = half_a_request(first)
        first.kill()
        with Service(listen="%s:%d" % first.address) as again:
            self.assert_status(again.post(PATH, b"x"), 200)
        connection.close()

    def test_ipv6(self):
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(("::1", 0))
        except OSError:
            self.skipTest("this machine has no IPv6")
        running = Service(listen="[::1]:0")
        try:
            with socket.create_connection(running.address) as raw:
                raw.sendall(b"GET /v1/codings HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n\r\n")
                self.assertTrue(raw.recv(100).startswith(b"HTTP/1.1 200"))
        finally:
            running.stop()


class UnixSocketTest(TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "service.sock")
        self.admin_path = os.path.join(self.folder.name, "admin.sock")

    def start(self):
        return Service(listen=f"unix:{self.path}", admin_listen=f"unix:{self.admin_path}")

    def test_serves_and_takes_the_file_away_at_the_end(self):
        with self.start() as running:
            self.assertEqual(running.address, self.path)
            data = codings.text(300_000)
            with running.connect() as connection:
                for chunked in (False, True):
                    packed = connection.request("POST", "/v1/compress?coding=lz4", data,
                                                chunked=chunked).body
                    self.assert_same_bytes(CODINGS["lz4"].decode(packed), data)
            self.assert_status(running.admin("/readyz"), 200)
            self.assert_books_balanced(running)
        self.assertFalse(os.path.exists(self.path))
        self.assertFalse(os.path.exists(self.admin_path))

    def test_a_file_left_from_a_kill_is_no_obstacle(self):
        first = self.start()
        first.kill()
        self.assertTrue(os.path.exists(self.path))
        with self.start() as again:
            self.assert_status(again.post(PATH, b"x"), 200)

    def test_a_socket_in_use_is(self):
        with self.start() as first:
            done = subprocess.run([service.binary, "serve", "--listen", f"unix:{self.path}",
                                   "--admin-listen", "127.0.0.1:0"], stdin=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, timeout=service.TIMEOUT)
            self.assertEqual(done.returncode, 1)
            self.assertIn("in use", done.stderr.decode())
            self.assert_status(first.post(PATH, b"x"), 200)

    def test_another_file_is_never_taken_away(self):
        with open(self.path, "w") as file:
            file.write("precious")
        done = subprocess.run([service.binary, "serve", "--listen", f"unix:{self.path}",
                               "--admin-listen", "127.0.0.1:0"], stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, timeout=service.TIMEOUT)
        self.assertEqual(done.returncode, 1)
        with open(self.path) as file:
            self.assertEqual(file.read(), "precious")


class AdminTest(SharedServiceTest):
    """The admin listener's answers."""

    def test_probes(self):
        for path in ("/livez", "/readyz"):
            response = self.service.admin(path)
            self.assert_status(response, 200)
            self.assertTrue(response.field("Content-Type").startswith("text/plain"))

    def test_head(self):
        for path in ("/livez", "/readyz", "/v1/pools", "/metrics"):
            with self.case(path=path):
                response = self.service.admin(path, "HEAD")
                self.assert_status(response, 200)
                self.assertEqual(response.body, b"")
                get = self.service.admin(path)
                self.assertEqual(response.field("Content-Type"), get.field("Content-Type"))
                if path in ("/livez", "/readyz"):
                    self.assertEqual(response.field("Content-Length"), str(len(get.body)))
                self.assert_problem(self.service.admin(path, "POST"), 405, "method_not_allowed")

    def test_pools(self):
        response = self.service.admin("/v1/pools")
        self.assertEqual(response.field("Content-Type"), "application/json")
        pools = {pool["pool"]: pool for pool in response.json()["pools"]}
        self.assertEqual(pools["mtu"]["block_bytes"], 1500)
        self.assertEqual(pools["64k"]["block_bytes"], 65536)
        for coding in CODINGS:
            for direction in ("compress", "decompress"):
                self.assertTrue(any(name.startswith(f"{coding}-{direction}") for name in pools),
                                pools.keys())
        for pool in pools.values():
            self.assertEqual(set(pool), {"pool", "block_bytes", "blocks", "in_use", "available",
                                         "peak", "acquisitions", "releases", "exhaustions",
                                         "fallbacks", "utilization"})
            self.assertEqual(pool["blocks"], pool["in_use"] + pool["available"])

    def test_a_block_is_in_use_while_a_request_is_under_way(self):
        connection = half_a_request(self.service)
        pools = self.service.pools()
        self.assertGreaterEqual(pools["mtu"]["in_use"], 1)
        self.assertGreater(pools["mtu"]["utilization"], 0)
        self.assertEqual(self.service.metric("frdpu_pool_blocks_in_use", pool="mtu"),
                         pools["mtu"]["in_use"])
        connection.send(b"world")
        self.assert_status(connection.read_response(), 200)
        self.assert_books_balanced(self.service)
        connection.close()

    def test_metrics_are_wellformed(self):
        response = self.service.admin("/metrics")
        self.assertRegex(response.field("Content-Type"), r"\Atext/plain; version=0\.0\.4")
        text = response.body.decode()
        self.assertTrue(text.endswith("\n"))
        sample = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-z_]+=\"[^\"\n]*\",?)*\})? "
                            r"([-+]?[0-9.]+(e[-+]?[0-9]+)?|[+-]Inf|Nan|NaN)\Z")
        types = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.assertNotIn(name, types)
                types[name] = kind
            elif not line.startswith("#"):
                self.assertRegex(line, sample)
        for name, kind in (("frdpu_pool_blocks", "gauge"), ("frdpu_pool_blocks_in_use", "gauge"),
                           ("frdpu_pool_blocks_peak", "gauge"),
                           ("frdpu_pool_block_bytes", "gauge"),
                           ("frdpu_pool_utilization_ratio", "gauge"),
                           ("frdpu_pool_acquisitions_total", "counter"),
                           ("frdpu_pool_releases_total", "counter"),
                           ("frdpu_pool_exhaustions_total", "counter"),
                           ("frdpu_pool_fallbacks_total", "counter"),
                           ("frdpu_http_request_duration_seconds", "histogram"),
                           ("frdpu_http_requests_in_flight", "gauge"),
                           ("frdpu_codec_input_bytes_total", "counter"),
                           ("frdpu_codec_output_bytes_total", "counter"),
                           ("frdpu_codec_cpu_seconds_total", "counter"),
                           ("frdpu_limit_hits_total", "counter"), ("frdpu_connections", "gauge"),
                           ("frdpu_build_info", "gauge"),
                           ("process_resident_memory_bytes", "gauge")):
            self.assertEqual(types.get(name), kind, name)

    def test_series_exist_from_the_start(self):
        with Service() as fresh:
            metrics = fresh.metrics()
            for coding in CODINGS:
                for direction in ("compress", "decompress"):
                    self.assertEqual(metrics[f'frdpu_codec_input_bytes_total{{coding="{coding}",'
                                             f'direction="{direction}"}}'], 0)
            for code in ("body_too_large", "output_limit_exceeded", "ratio_limit_exceeded",
                         "window_too_large", "request_timeout", "headers_too_large",
                         "pool_exhausted", "overloaded", "draining", "cpu_limit_exceeded"):
                self.assertEqual(metrics[f'frdpu_limit_hits_total{{code="{code}"}}'], 0)
            self.assertEqual(metrics['frdpu_connections{state="active"}'], 0)

    def test_requests_are_counted(self):
        def count(status):
            return self.service.metric("frdpu_http_requests_total", route="/v1/compress",
                                       method="POST", status=str(status)) or 0
        before = (count(200), count(400))
        data = codings.text(1000)
        packed = self.post("/v1/compress?coding=zstd", data).body
        self.post("/v1/compress?coding=x")
        self.assertTrue(self.service.eventually(
            lambda: (count(200), count(400)) == (before[0] + 1, before[1] + 1)))
        self.assertGreaterEqual(self.service.metric("frdpu_codec_input_bytes_total", coding="zstd",
                                                    direction="compress"), 1000)
        self.assertGreaterEqual(self.service.metric("frdpu_codec_output_bytes_total", coding="zstd",
                                                    direction="compress"), len(packed))
        self.service.request("GET", "/nowhere")
        self.assertTrue(self.service.eventually(lambda: self.service.metric(
            "frdpu_http_requests_total", route="other", method="GET", status="404")))
        self.service.request("BREW", "/v1/compress")
        self.assertFalse(any("BREW" in series for series in self.service.metrics()))

    def test_nothing_is_in_flight_afterwards(self):
        self.post(PATH, b"x")
        self.assertTrue(self.service.eventually(lambda: self.service.metric(
            "frdpu_http_requests_in_flight", route="/v1/compress") == 0))


class ReadinessTest(TestCase):
    def test_an_empty_pool_turns_it_after_the_grace(self):
        with Service(pool_64k_blocks=2, ready_grace="200ms", queue_timeout="100ms",
                     body_timeout="60s") as small:
            self.assert_status(small.admin("/readyz"), 200)
            held = []
            for _ in range(2):
                connection = small.connect()
                connection.send(b"POST /v1/compress?coding=lz4 HTTP/1.1\r\nHost: t\r\n"
                                b"Content-Length: 60000\r\n\r\n" + b"x" * 2000)
                held.append(connection)
            self.assertTrue(small.eventually(lambda: small.pools()["64k"]["available"] == 0))
            self.assertTrue(small.eventually(lambda: small.admin("/readyz").status == 503))
            self.assert_status(small.admin("/livez"), 200)
            for connection in held:
                connection.close()
            self.assertTrue(small.eventually(lambda: small.admin("/readyz").status == 200))
            self.assert_books_balanced(small)


class ConnectionCapTest(TestCase):
    def test_one_too_many_is_told_so(self):
        with Service(max_connections=3) as small:
            kept = [small.connect() for _ in range(3)]
            for connection in kept:
                self.assert_status(connection.request("POST", PATH, b"x"), 200)
            with small.connect() as extra:
                # The answer may come before the request; reading it is enough.
                response = extra.read_response()
                self.assert_problem(response, 503, "overloaded")
                self.assertTrue(response.closes)
                self.assertTrue(extra.ended())
            # Those who are in are served, and the place of one who leaves is free.
            self.assert_status(kept[0].request("POST", PATH, b"x"), 200)
            kept.pop().close()

            def served():
                try:
                    return small.post(PATH, b"x").status == 200
                except (BrokenOff, OSError):
                    return False
            self.assertTrue(small.eventually(served))
            self.assert_status(small.admin("/readyz"), 200)
            self.assertGreaterEqual(small.metric("frdpu_limit_hits_total", code="overloaded"), 1)
            for connection in kept:
                connection.close()

    def test_running_out_of_descriptors_pauses_and_recovers(self):
        running = Service()
        try:
            import resource
            limit = running.descriptors() + 20
            resource.prlimit(running.pid, resource.RLIMIT_NOFILE, (limit, limit))
            flood = []
            for _ in range(60):
                flood.append(running.connect())  # the backlog takes them
            running.wait_for_line("out_of_descriptors")
            used = running.process.pid
            before = cpu_seconds(used)
            self.assert_status(flood[0].request("POST", PATH, b"x"), 200)
            threading.Event().wait(0.5)
            self.assertLess(cpu_seconds(used) - before, 0.3, "it spins")
            for connection in flood:
                connection.close()
            self.assertTrue(running.eventually(lambda: running.descriptors() < limit - 10))
            self.assert_status(running.post(PATH, b"x"), 200)
        finally:
            running.stop()


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    service.main()
