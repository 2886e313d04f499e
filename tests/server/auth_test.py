#!/usr/bin/env python3
"""Bearer tokens, what strangers learn without one, who is warned of open doors, and secrets."""

import os
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import codings, service, tls  # noqa: E402
from support.service import Connection, Service, SharedServiceTest, TestCase, bearer  # noqa: E402

PATH = "/v1/compress?coding=identity"
FOLDER = tempfile.TemporaryDirectory()
ALICE, BOB, ADMIN = "alice.token-0123456789", "Ym9iJ3MgdG9rZW4vMDEyMw==", "admin_token~0123456789"


def token_file(name, text, mode=0o600):
    path = os.path.join(FOLDER.name, name)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


TOKENS = token_file("tokens", f"# alice\n{ALICE}\n\n  {BOB}\t\r\n# nobody.token-0123456789\n")
ADMIN_TOKENS = token_file("admin-tokens", ADMIN)


def arguments(flags):
    return [part for name, value in flags.items() for part in ("--" + name.replace("_", "-"), value)]


class TokenTest(SharedServiceTest):
    flags = {"auth_token_file": TOKENS, "admin_auth_token_file": ADMIN_TOKENS,
             "max_body_bytes": "1m", "log_level": "debug", "header_timeout": "60s"}
    client = {"token": ALICE, "admin_token": ADMIN}

    def raw(self, text, admin=False):
        """What comes back for these bytes on a connection of their own."""
        address = self.service.admin_address if admin else self.service.address
        with Connection(address) as connection:
            connection.send(text)
            return connection.read_response(text.split(b" ")[0].decode())

    def assert_unauthorized(self, response):
        problem = self.assert_problem(response, 401, "unauthorized")
        self.assertEqual(response.field("WWW-Authenticate"), 'Bearer realm="frdpu"')
        self.assertEqual(set(problem), {"type", "title", "status", "detail", "code"})

    def test_every_token_of_the_file_is_good(self):
        for value in (f"Bearer {ALICE}", f"Bearer {BOB}", f"bearer {ALICE}", f"BEARER   {BOB}"):
            with self.case(value=value):
                response = self.post(PATH, b"hello", {"Authorization": value})
                self.assert_status(response, 200)
                self.assertIsNone(response.field("WWW-Authenticate"))

    def test_nothing_else_is(self):
        values = [None, "", "Bearer", "Bearer ", f"Basic {ALICE}", f"Bearer{ALICE}", ALICE,
                  f"Bearer {ALICE[:-1]}", f"Bearer {ALICE}0", f"Bearer {ALICE.upper()}",
                  f"Bearer {ALICE} {BOB}", f"Bearer {ALICE},{BOB}", f'Bearer "{ALICE}"',
                  f"Bearer {ADMIN}", "Bearer nobody.token-0123456789", "Bearer #", "Bearer # alice",
                  "Bearer " + "x" * 8000, "Bearer \xe9", f"Token {ALICE}", f"Bearer:{ALICE}"]
        for value in values:
            with self.case(value=value):
                fields = f"Authorization: {value}\r\n" if value is not None else ""
                self.assert_unauthorized(self.raw(
                    f"POST {PATH} HTTP/1.1\r\nHost: t\r\n{fields}Content-Length: 1\r\n\r\nx"
                    .encode("latin-1")))
        twice = f"Authorization: Bearer {ALICE}\r\n" * 2
        self.assert_problem(self.raw(f"GET /v1/codings HTTP/1.1\r\nHost: t\r\n{twice}\r\n".encode()),
                            400, "malformed_request")

    def test_a_token_is_not_taken_from_elsewhere(self):
        for target in (f"{PATH}&access_token={ALICE}", f"{PATH}&token={ALICE}"):
            self.assert_unauthorized(self.raw(
                f"POST {target} HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n".encode()))
        self.assert_unauthorized(self.raw(  # a trailer field is no header field
            f"POST {PATH} HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
            f"0\r\nAuthorization: Bearer {ALICE}\r\n\r\n".encode()))

    def test_whoever_has_none_learns_nothing_of_what_there_is(self):
        answers = set()
        for line in ("GET /v1/codings", "GET /v1/limits", "GET /openapi.json", "GET /nowhere",
                     "GET /", "GET /metrics", "GET /livez", "GET /readyz", "GET /v1/pools",
                     "DELETE /v1/compress", "GET /v1/compress", f"POST {PATH}", "OPTIONS *",
                     "OPTIONS /v1/compress", "POST /v1/compress?coding=nothing",
                     "PUT /v1/dictionaries/x", "POST /v1/dictionaries/../x/train", "GET /%zz",
                     "GET http://elsewhere/v1/limits", "BREW /v1/coffee", "GET //",
                     "POST /v1/estimate", "POST /v1/batch/compress"):
            with self.case(line=line):
                response = self.raw(f"{line} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
                self.assert_unauthorized(response)
                fields = [(k, v) for k, v in response.fields if k != "Date"]
                answers.add((response.body, str(fields)))
        self.assertEqual(len(answers), 1, answers)
        response = self.raw(b"HEAD /v1/codings HTTP/1.1\r\nHost: t\r\n\r\n")
        self.assertEqual((response.status, response.body), (401, b""))

    def test_the_admin_listener_has_tokens_of_its_own(self):
        for path, status in (("/metrics", 200), ("/v1/pools", 200), ("/", 200),
                             ("/openapi.json", 200), ("/nowhere", 404)):
            with self.case(path=path):
                self.assert_status(self.service.admin(path), status)
                for fields in ("", f"Authorization: Bearer {ALICE}\r\n"):
                    self.assert_unauthorized(self.raw(
                        f"GET {path} HTTP/1.1\r\nHost: t\r\n{fields}\r\n".encode(), admin=True))

    def test_probes_need_none(self):
        for path in ("/livez", "/readyz"):
            for method in ("GET", "HEAD"):
                text = f"{method} {path} HTTP/1.1\r\nHost: t\r\n\r\n".encode()
                self.assert_status(self.raw(text, admin=True), 200)
        self.assert_unauthorized(self.raw(b"POST /livez HTTP/1.1\r\nHost: t\r\n\r\n", admin=True))

    def test_the_refusal_comes_before_the_body(self):
        head = f"POST {PATH} HTTP/1.1\r\nHost: t\r\n"
        for framing, closes in (("Content-Length: 5\r\nExpect: 100-continue\r\n", True),
                                ("Content-Length: 900000\r\n", True),
                                ("Transfer-Encoding: chunked\r\n", True),
                                ("Content-Length: 0\r\n", False)):
            with self.case(framing=framing), self.service.connect() as connection:
                connection.send((head + framing + "\r\n").encode())
                response = connection.read_response()
                self.assert_unauthorized(response)
                self.assertEqual(response.interim, [])
                self.assertEqual(response.closes, closes)
        # Nor is one before 401 that depends on settings.
        text = (head + "Content-Length: 2000000\r\n").encode()
        self.assert_unauthorized(self.raw(text + b"\r\n"))
        known = f"Authorization: Bearer {ALICE}\r\n\r\n".encode()
        self.assert_problem(self.raw(text + known), 413, "body_too_large")

    def test_a_connection_goes_on_behind_a_refusal(self):
        with self.service.connect() as connection:
            for _ in range(3):
                self.assert_unauthorized(connection.request("POST", PATH, b"GET / HTTP/1.1\r\n\r\n"))
                response = connection.request("POST", PATH, b"hello", bearer(BOB))
                self.assertEqual(response.body, b"hello")

    def test_refusals_are_counted_and_logged(self):
        count = lambda: self.service.metric("frdpu_http_requests_total", status="401",  # noqa: E731
                                            route="/v1/limits") or 0
        before = count()
        self.raw(b"GET /v1/limits HTTP/1.1\r\nHost: t\r\n\r\n")
        self.assertTrue(self.service.eventually(lambda: count() == before + 1))
        self.service.wait_for_line("route=/v1/limits status=401 code=unauthorized")

    def test_no_secret_is_ever_said(self):
        secrets = [ALICE, BOB, ADMIN, "guessed-token-0123456789", "body-bytes-0123456789"]
        said = []
        for fields in ({"Authorization": "Bearer guessed-token-0123456789"},
                       {"Authorization": "Basic guessed-token-0123456789"}, bearer(ALICE),
                       {**bearer(ALICE), "Content-Encoding": "gzip"},
                       {**bearer(ALICE), "X-Request-Id": "a-request"}):
            for target in (PATH, "/v1/decompress?coding=zstd", "/nowhere"):
                with self.service.connect() as connection:
                    said.append(str(connection.request("POST", target, b"body-bytes-0123456789",
                                                       fields).fields))
        said.append(self.service.admin("/metrics").body.decode())
        said.append(self.service.request("GET", "/v1/limits").body.decode())
        done = subprocess.run([service.binary, "serve", *self.service.flags, "--print-config"],
                              capture_output=True, text=True, check=True)
        self.assertIn(TOKENS, done.stdout)  # the path may be known
        said.append(done.stdout)
        self.service.wait_for_line("request_id=a-request")
        said.append(self.service.log_text())
        for text in said:
            for secret in secrets:
                self.assertNotIn(secret, text)


class RotationTest(TestCase):
    def hang_up(self, running, word):
        running.process.send_signal(signal.SIGHUP)
        return running.wait_for_line(f"msg={word}.*").group(0)

    def status(self, running, token):
        return running.post(PATH, b"x", bearer(token)).status

    def test_tokens_are_changed_one_after_the_other(self):
        old, new = "old-token-0123456789", "new-token-0123456789"
        path = token_file("rotating", old)
        with Service(auth_token_file=path) as running:
            kept = running.connect()
            for text, good in ((f"{old}\n{new}\n", {old, new}), (new, {new})):
                token_file("rotating", text)
                self.hang_up(running, "reloaded")
                for token in (old, new):
                    with self.case(text=text, token=token):
                        wanted = 200 if token in good else 401
                        self.assertEqual(self.status(running, token), wanted)
                        self.assert_status(kept.request("POST", PATH, b"x", bearer(token)), wanted)
            kept.close()

    def test_a_bad_file_changes_nothing(self):
        token = "good-token-0123456789"
        path = token_file("turning-bad", token)
        running = Service(auth_token_file=path, token=token)
        for text, why in (("", "no token"), ("# none\n", "no token"), ("two secrets\n", "line 1"),
                          (None, "No such file")):
            with self.case(text=text):
                os.unlink(path) if text is None else token_file("turning-bad", text)
                line = self.hang_up(running, "reload_failed")
                self.assertIn(why, line)
                self.assertIn("--auth-token-file", line)
                self.assertNotIn("secrets", line)
                self.assertEqual(self.status(running, token), 200)
                self.assertEqual(self.status(running, "other-token-0123456789"), 401)
        running.terminate()
        self.assertEqual(running.wait(), 0)

    def test_a_bad_file_of_one_listener_changes_nothing_for_the_other(self):
        old, new = "old-token-0123456789", "new-token-0123456789"
        paths = [token_file(name, old) for name in ("of-service", "of-admin")]
        for bad in (0, 1):
            with self.case(bad=bad):
                running = Service(auth_token_file=paths[0], admin_auth_token_file=paths[1])
                token_file(os.path.basename(paths[bad]), "")
                token_file(os.path.basename(paths[1 - bad]), new)
                self.assertIn(paths[bad], self.hang_up(running, "reload_failed"))
                self.assertEqual(self.status(running, old), 200)
                for token, status in ((old, 200), (new, 401)):
                    running.admin_token = token
                    self.assert_status(running.admin("/v1/pools"), status)
                running.terminate()
                self.assertEqual(running.wait(), 0)
                for path in paths:
                    token_file(os.path.basename(path), old)

    def test_a_service_without_secrets_lives_through_the_signal(self):
        running = Service(drain_delay="300ms")
        self.hang_up(running, "reloaded")
        self.assert_status(running.post(PATH, b"x"), 200)
        running.terminate()
        running.wait_for_line("draining")
        self.hang_up(running, "reloaded")
        self.assertEqual(running.wait(), 0)


class StartTest(TestCase):
    def test_files_that_cannot_work(self):
        rows = {os.path.join(FOLDER.name, "missing"): "No such file",
                token_file("empty", ""): "no token", token_file("comment", "#x\n"): "no token",
                token_file("odd", "good-token-0123\nse cret\n"): "line 2",
                token_file("long", "x" * (1 << 20) + "y"): "longer than 1 MiB",
                FOLDER.name: "not a regular file"}
        for prefix in ("--", "--admin-"):
            for path, why in rows.items():
                with self.case(path=path, prefix=prefix):
                    done = subprocess.run(
                        [service.binary, "serve", "--listen", "127.0.0.1:0", "--admin-listen",
                         "127.0.0.1:0", prefix + "auth-token-file", path],
                        capture_output=True, text=True, check=False, timeout=service.TIMEOUT)
                    lines = done.stderr.strip().splitlines()
                    self.assertEqual((done.returncode, len(lines)), (1, 1), done.stderr)
                    for word in (prefix + "auth-token-file", path, why):
                        self.assertIn(word, lines[0])
                    self.assertNotIn("cret", lines[0].replace(path, ""))

    def warnings(self, **flags):
        with Service(**flags) as running:
            running.wait_for_line("msg=memory")  # said behind all of them
            return [line for line in running.log if "level=warning" in line]

    def test_warnings(self):
        opened = token_file("open", ALICE, 0o644)
        short = token_file("short", "short\n")
        rows = [
            ({}, []),
            ({"listen": "0.0.0.0:0"}, []),  # the service is there to be used
            ({"admin_listen": "0.0.0.0:0"}, ["admin_open_to_everybody"]),
            ({"admin_listen": "[::]:0"}, ["admin_open_to_everybody"]),
            ({"admin_listen": "[::1]:0"}, []),
            ({"admin_listen": f"unix:{FOLDER.name}/admin.sock"}, []),
            ({"admin_listen": "0.0.0.0:0", "admin_auth_token_file": ADMIN_TOKENS},
             ["tokens_in_clear_text"]),
            ({"listen": "0.0.0.0:0", "auth_token_file": TOKENS}, ["tokens_in_clear_text"]),
            ({"auth_token_file": TOKENS}, []),
            ({"auth_token_file": opened}, ["open is readable by everybody"]),
            ({"auth_token_file": short}, ["less than 16 characters"]),
        ]
        for flags, wanted in rows:
            with self.case(flags=flags):
                lines = self.warnings(**flags)
                self.assertEqual(len(lines), len(wanted), lines)
                for line, word in zip(lines, wanted):
                    self.assertIn(word, line)

    def test_warnings_that_tls_makes_unnecessary(self):
        certificates = tls.Certificates()
        admin = certificates.flags(admin=True)
        with_ca = certificates.flags(admin=True, client_ca=True)
        for flags, wanted in (({**admin, "admin_auth_token_file": ADMIN_TOKENS}, 0),
                              (with_ca, 0), (admin, 1)):
            with self.case(flags=list(flags)):
                lines = self.warnings(admin_listen="0.0.0.0:0",
                                      admin_tls=certificates.context(client=certificates.client),
                                      **flags)
                self.assertEqual(len(lines), wanted, lines)


class HealthcheckTest(TestCase):
    def check(self, address, flags):
        return subprocess.run([service.binary, "healthcheck", "--admin-listen", address,
                               *arguments(flags)], capture_output=True, text=True, check=False,
                              timeout=service.TIMEOUT)

    def test_it_works_with_the_settings_of_the_service(self):
        certificates = tls.Certificates()
        unix = f"unix:{FOLDER.name}/health.sock"
        for access in ({}, certificates.flags(admin=True),
                       certificates.flags(admin=True, client_ca=True)):
            for tokens in ({}, {"admin_auth_token_file": ADMIN_TOKENS}):
                for listen in ("127.0.0.1:0", unix):
                    flags = {**access, **tokens}
                    with self.case(flags=list(flags), listen=listen):
                        with Service(admin_listen=listen, **flags) as running:
                            address = unix if listen == unix else "%s:%d" % running.admin_address
                            done = self.check(address, flags)
                            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_it_fails_in_one_line(self):
        certificates = tls.Certificates()
        with Service() as running:
            address = "%s:%d" % running.admin_address
            done = self.check(address, certificates.flags(admin=True))
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"\Afrdpu: [^\n]*no TLS: [^\n]+\n\Z")
        flags = certificates.flags(admin=True)
        with Service(**flags) as running:
            done = self.check("%s:%d" % running.admin_address, {})
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"\Afrdpu: [^\n]*400 Bad Request\n\Z")
            done = self.check("%s:%d" % running.admin_address,
                              {**certificates.flags(admin=True, client_ca=True),
                               "admin_tls_key": "/nowhere/key.pem"})
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"\Afrdpu: [^\n]*/nowhere/key.pem: No such file[^\n]*\n\Z")


class UnixModeTest(TestCase):
    def test_the_files_have_their_modes_before_anybody_connects(self):
        paths = {name: f"{FOLDER.name}/mode-{name}.sock" for name in ("service", "admin")}
        listen = {"listen": f"unix:{paths['service']}", "admin_listen": f"unix:{paths['admin']}"}
        for flags, modes in (({}, (0o660, 0o600)),
                             ({"listen_mode": "0666", "admin_listen_mode": "0660"}, (0o666, 0o660)),
                             ({"listen_mode": "600", "admin_listen_mode": "0"}, (0o600, 0))):
            for umask in (0o000, 0o022, 0o077):
                with self.case(flags=flags, umask=umask):
                    before = os.umask(umask)
                    try:
                        running = Service(**listen, **flags)
                    finally:
                        os.umask(before)
                    with running:
                        self.assertEqual(tuple(os.stat(path).st_mode & 0o777
                                               for path in paths.values()), modes)
                        self.assertEqual(running.post(PATH, b"x").status, 200)


if __name__ == "__main__":
    service.main()
