"""Starts `frdpu serve` for a test, speaks HTTP/1.1 to it byte by byte, and reads its books.

Python's standard library only. A test script ends with `service.main()` and is run as
`python3 tests/server/NAME_test.py path/to/frdpu [unittest arguments]`.

Nothing here sleeps: the service is ready when its log says so, and every wait is a read with a
time limit. Peers that stay silent are made by not sending.
"""

import json
import os
import queue
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest

from support.tls import Socket as TlsSocket

# A request that takes longer than this hangs. Sanitizers make everything slow, and the service's
# workers run at the lowest priority: on a busy machine they wait for everybody else.
SANITIZED = os.environ.pop("FRDPU_TEST_SANITIZE", "")  # no setting of the service
TIMEOUT = 180 if SANITIZED else 60
LONG = os.environ.pop("FRDPU_LONG", "") == "1"

SOURCE_DIR = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

_TROUBLE = re.compile(r"level=(error|critical)|Sanitizer|runtime error:|[Aa]ssert|terminate called")

binary = os.environ.get("FRDPU_BINARY", "")


class ProtocolError(Exception):
    """The answer breaks HTTP."""


class BrokenOff(Exception):
    """The connection ended before the answer did. `response` is what came, or None."""

    def __init__(self, message, response=None):
        super().__init__(message)
        self.response = response


class Service:
    """One process of the service on ports of its own.

    `flags` are given as keyword arguments: max_body_bytes=10 is `--max-body-bytes 10`. With a
    context for TLS, or a token, the requests of this class use them.
    """

    def __init__(self, listen="127.0.0.1:0", admin_listen="127.0.0.1:0", env=None, tls=None,
                 admin_tls=None, token=None, admin_token=None, **flags):
        self.tls, self.admin_tls = tls, admin_tls
        self.token, self.admin_token = token, admin_token
        self.flags = ["--listen", listen, "--admin-listen", admin_listen]
        for name, value in flags.items():
            self.flags += ["--" + name.replace("_", "-"), str(value)]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("FRDPU_")}
        self.process = subprocess.Popen([binary, "serve", *self.flags], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        env={**clean, **(env or {})})
        self.log = []
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self.address = self._bound("service")
        self.admin_address = self._bound("admin")

    @property
    def pid(self):
        return self.process.pid

    def _read_log(self):
        for line in self.process.stderr:
            line = line.decode("utf-8", "replace").rstrip("\n")
            self.log.append(line)
            self._lines.put(line)
        self._lines.put(None)

    def wait_for_line(self, pattern, timeout=TIMEOUT):
        """Returns the match in the next log line that has one."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no log line matches {pattern!r}:\n" + self.log_text())
            if line is None:
                raise AssertionError(f"the service ended before {pattern!r}:\n" + self.log_text())
            found = re.search(pattern, line)
            if found:
                return found

    def _bound(self, name):
        text = self.wait_for_line(rf"listening {name}=\"?([^\s\"]+)").group(1)
        return parse_address(text)

    def log_text(self):
        return "\n".join(self.log)

    # Talking to it.

    def connect(self, **options):
        return Connection(self.address, **{"tls": self.tls, **options})

    def request(self, method, target, body=None, fields=(), **options):
        """One request on a connection of its own."""
        with self.connect() as connection:
            return connection.request(method, target, body, bearer(self.token, fields), **options)

    def post(self, target, body=b"", fields=(), **options):
        return self.request("POST", target, body, fields, **options)

    def admin(self, target, method="GET"):
        with Connection(self.admin_address, tls=self.admin_tls) as connection:
            return connection.request(method, target, fields=bearer(self.admin_token))

    def pools(self):
        """Returns /v1/pools as a dict of dicts by name."""
        document = json.loads(self.admin("/v1/pools").body)
        return {pool["pool"]: pool for pool in document["pools"]}

    def metrics(self):
        """Returns /metrics as a dict from series, e.g. 'a{b="c"}', to value."""
        return parse_metrics(self.admin("/metrics").body.decode())

    def metric(self, name, **labels):
        """Returns the sum of a metric's series that have these labels, or None without any."""
        total = None
        for series, value in self.metrics().items():
            base, _, rest = series.partition("{")
            if base == name and all(f'{k}="{v}"' in rest for k, v in labels.items()):
                total = (total or 0) + value
        return total

    def unbalanced(self):
        """Returns the pools that have not all their blocks back, once they had the time for it.

        An answer's last byte can be here before its block is back: asked again until it is.
        """
        deadline = time.monotonic() + TIMEOUT
        while True:
            wrong = {name: pool for name, pool in self.pools().items()
                     if pool["in_use"] != 0 or pool["acquisitions"] != pool["releases"]
                     or pool["available"] != pool["blocks"]}
            if not wrong or time.monotonic() > deadline:
                return wrong

    def eventually(self, condition, timeout=TIMEOUT):
        """Asks until `condition()` holds; returns its last value."""
        deadline = time.monotonic() + timeout
        while True:
            value = condition()
            if value or time.monotonic() > deadline:
                return value

    def status(self, name):
        """Returns a field of /proc/PID/status in bytes (VmRSS, VmHWM) or as a number (Threads)."""
        with open(f"/proc/{self.pid}/status") as status:
            for line in status:
                key, _, value = line.partition(":")
                if key == name:
                    number, *unit = value.split()
                    return int(number) * (1024 if unit else 1)
        raise KeyError(name)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    # Its end.

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, timeout=TIMEOUT):
        status = self.process.wait(timeout)
        self._reader.join(timeout)
        self.process.stderr.close()
        return status

    def trouble(self):
        return [line for line in self.log if _TROUBLE.search(line)]

    def stop(self, expected=0):
        """Ends the process by SIGTERM; a wrong exit status or an error in its log is a failure."""
        self.terminate()
        status = self.wait()
        if status != expected or self.trouble():
            raise AssertionError(f"exit status {status}, expected {expected}; log:\n"
                                 + self.log_text())

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.stop()
        else:
            self.kill()


def bearer(token, fields=()):
    """Returns the fields of a request with a token among them, where there is one."""
    return {"Authorization": f"Bearer {token}", **dict(fields)} if token else dict(fields)


def parse_address(text):
    """'127.0.0.1:80' as a pair, 'unix:/path' as '/path'."""
    if text.startswith("unix:"):
        return text[len("unix:"):]
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


class Response:
    """A whole answer, or as much of it as came."""

    def __init__(self, version, status, reason, fields):
        self.version = version
        self.status = status
        self.reason = reason
        self.fields = fields  # pairs as sent
        self.body = b""
        self.trailers = []
        self.chunked = False
        self.interim = []  # status codes of 1xx answers in front of it

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def field(self, name):
        values = self.all(name)
        if len(values) > 1:
            raise ProtocolError(f"{name} was sent {len(values)} times")
        return values[0] if values else None

    def trailer(self, name):
        values = [value for key, value in self.trailers if key.lower() == name.lower()]
        return values[0] if len(values) == 1 else None

    @property
    def closes(self):
        tokens = [t.strip().lower() for v in self.all("Connection") for t in v.split(",")]
        if self.version == "HTTP/1.0":
            return "keep-alive" not in tokens
        return "close" in tokens

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.fields} {self.body[:200]!r}>"


_STATUS_LINE = re.compile(rb"(HTTP/1\.[01]) ([1-5][0-9][0-9]) ([\t\x20-\x7e\x80-\xff]*)\Z")
_FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*\Z", re.S)


class Connection:
    """A client's connection that knows exactly what it sent and what came back."""

    def __init__(self, address, timeout=None, receive_buffer=None, send_buffer=None, tls=None):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout or TIMEOUT)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if send_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        self.socket.connect(address)
        if family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = TlsSocket(self.socket, tls)
        self.buffer = bytearray()
        self.cut_off = False  # it ended, and not cleanly

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def finish_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data):
        self.socket.sendall(data)

    # Reading.

    def _more(self):
        """Reads more into the buffer; returns False at the end. A reset is an end too."""
        try:
            data = self.socket.recv(1 << 18)
        except (ConnectionResetError, ssl.SSLError):
            self.cut_off = True
            return False
        self.buffer += data
        return bool(data)

    def _line(self, limit=1 << 16):
        while True:
            end = self.buffer.find(b"\n")
            if end >= 0:
                line = bytes(self.buffer[:end + 1])
                del self.buffer[:end + 1]
                if not line.endswith(b"\r\n"):
                    raise ProtocolError(f"a line ends in a bare LF: {line!r}")
                return line[:-2]
            if len(self.buffer) > limit:
                raise ProtocolError("an endless line")
            if not self._more():
                raise BrokenOff(f"ended within a line: {bytes(self.buffer)!r}")

    def _fields(self):
        fields = []
        while True:
            line = self._line()
            if not line:
                return fields
            found = _FIELD_LINE.match(line)
            if not found or b"\r" in line or b"\0" in line:
                raise ProtocolError(f"not a field line: {line!r}")
            fields.append((found.group(1).decode(), found.group(2).decode("latin-1")))

    def _exactly(self, count, take):
        while count:
            if not self.buffer and not self._more():
                return False
            piece = bytes(self.buffer[:count])
            del self.buffer[:count]
            count -= len(piece)
            take(piece)
        return True

    def read_response(self, method="POST", sink=None):
        """Reads one answer, strictly. `sink` takes the body's pieces instead of `.body`.

        Raises BrokenOff where the connection ends too early, ProtocolError for anything that is
        not HTTP, TimeoutError for a hang.
        """
        interim = []
        while True:
            if not self.buffer and not self._more():
                raise BrokenOff("ended without an answer")
            line = self._line()
            found = _STATUS_LINE.match(line)
            if not found:
                raise ProtocolError(f"not a status line: {line!r}")
            response = Response(found.group(1).decode(), int(found.group(2)),
                                found.group(3).decode(), self._fields())
            if response.status >= 200:
                break
            interim.append(response.status)
        response.interim = interim
        body = bytearray()
        take = sink or body.extend
        whole = self._read_body(response, method, take)
        response.body = bytes(body)
        if not whole:
            raise BrokenOff(f"{response.status} broke off", response)
        return response

    def _read_body(self, response, method, take):
        codings = response.field("Transfer-Encoding")
        length = response.field("Content-Length")
        if codings is not None and length is not None:
            raise ProtocolError("both Content-Length and Transfer-Encoding")
        if method == "HEAD" or response.status in (204, 304):
            return True
        if codings is not None:
            if codings != "chunked" or response.version != "HTTP/1.1":
                raise ProtocolError(f"Transfer-Encoding: {codings} in {response.version}")
            response.chunked = True
            return self._read_chunks(response, take)
        if length is not None:
            if not re.fullmatch(r"[0-9]+", length):
                raise ProtocolError(f"Content-Length: {length}")
            return self._exactly(int(length), take)
        if not response.closes:
            raise ProtocolError("neither a length nor the end of the connection frames the answer")
        while True:  # until the connection ends; a reset does not count as an end
            if self.buffer:
                take(bytes(self.buffer))
                self.buffer.clear()
            try:
                data = self.socket.recv(1 << 18)
            except (ConnectionResetError, ssl.SSLError):
                return False
            if not data:
                return True
            self.buffer += data

    def _read_chunks(self, response, take):
        try:
            while True:
                line = self._line()
                if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}", line):
                    raise ProtocolError(f"not a chunk size: {line!r}")
                size = int(line, 16)
                if size == 0:
                    response.trailers = self._fields()
                    return True
                if not self._exactly(size, take):
                    return False
                if self._line() != b"":
                    raise ProtocolError("no line end behind a chunk's data")
        except BrokenOff:
            return False

    def ended(self):
        """Returns whether the peer ended the connection, having sent nothing more. Waits for it."""
        return not self.buffer and not self._more()

    def rest(self):
        """Returns all that comes until the connection ends."""
        while self._more():
            pass
        return bytes(self.buffer)

    # Whole requests.

    def request(self, method, target, body=None, fields=(), chunked=False, chunk_bytes=16384,
                sink=None):
        """Sends one request and reads its answer, reading while it sends."""
        head, pieces = make_request(method, target, body, fields, chunked, chunk_bytes)
        if body is None or len(body) < 32768:
            self.send(head + b"".join(pieces))
            return self.read_response(method, sink)
        sender = threading.Thread(target=self._send_pieces, args=(head, pieces), daemon=True)
        sender.start()
        try:
            return self.read_response(method, sink)
        finally:
            # An answer that does not take the body leaves a sender that nobody reads.
            sender.join(0.5 if self.buffer else 5)
            if sender.is_alive():
                self.socket.shutdown(socket.SHUT_RDWR)
                sender.join()

    def _send_pieces(self, head, pieces):
        try:
            self.send(head)
            for piece in pieces:
                self.send(piece)
        except OSError:
            pass  # refused and closed while it was sent


def make_request(method, target, body=None, fields=(), chunked=False, chunk_bytes=16384,
                 version="HTTP/1.1"):
    """Returns a head and an iterable of the pieces of its body as they go over the wire."""
    lines = [f"{method} {target} {version}", "Host: test"]
    lines += [f"{name}: {value}" for name, value in dict(fields).items()]
    pieces = []
    if chunked:
        lines.append("Transfer-Encoding: chunked")
        pieces = encode_chunks(body or b"", chunk_bytes)
    elif body is not None:
        lines.append(f"Content-Length: {len(body)}")
        pieces = [body]
    return "\r\n".join([*lines, "", ""]).encode("latin-1"), pieces


def encode_chunks(body, chunk_bytes=16384):
    view = memoryview(body)
    for at in range(0, len(body), chunk_bytes):
        piece = view[at:at + chunk_bytes]
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def parse_metrics(text):
    series = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            series[name] = float(value)
    return series


def parse_dictionary(text):
    """An RFC 9651 dictionary of plain items: 'coding=zstd, level=3' as a dict of text."""
    return dict(member.strip().split("=", 1) for member in text.split(","))


class TestCase(unittest.TestCase):
    """Counts the rows of tables too, and says what an unexpected answer was."""

    cases = 0
    maxDiff = 2000

    def case(self, *name, **parameters):
        TestCase.cases += 1
        return self.subTest(*name, **parameters)

    def assert_status(self, response, status):
        self.assertEqual(response.status, status, response)

    def assert_same_bytes(self, got, wanted):
        """As assertEqual, without printing megabytes."""
        if got != wanted:
            at = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b),
                      min(len(got), len(wanted)))
            self.fail(f"{len(got)} bytes for {len(wanted)}, different from {at} on: "
                      f"{bytes(got[at:at + 20])!r} for {bytes(wanted[at:at + 20])!r}")

    def assert_problem(self, response, status, code):
        """Checks a problem document with all that the contract asks of each; returns it."""
        self.assertEqual(response.status, status, response)
        self.assertEqual(response.field("Content-Type"), "application/problem+json", response)
        problem = response.json()
        self.assertEqual(problem["code"], code, problem)
        self.assertEqual(problem["status"], status, problem)
        self.assertTrue(problem["type"].endswith(code), problem)
        self.assertTrue(problem["title"] and problem["detail"], problem)
        for name in ("limit", "observed", "offset"):
            if name in problem:
                self.assertIsInstance(problem[name], int, problem)
        if status == 503:
            self.assertRegex(response.field("Retry-After") or "", r"\A[0-9]+\Z", response)
        if status == 405:
            self.assertTrue(response.field("Allow"), response)
        if status == 415:
            self.assertIn("gzip", response.field("Accept-Encoding") or "", response)
        self.assertIsNone(response.field("Content-Encoding"))
        return problem

    def assert_books_balanced(self, service):
        self.assertEqual(service.unbalanced(), {})


class SharedServiceTest(TestCase):
    """All tests of a class use one service, started with the class's `flags`."""

    flags = {}
    client = {}  # how the test itself comes in: see Service
    service = None

    @classmethod
    def setUpClass(cls):
        cls.service = Service(**cls.flags, **cls.client)

    @classmethod
    def tearDownClass(cls):
        service, cls.service = cls.service, None
        try:
            unbalanced = service.unbalanced()
        except BaseException:
            service.kill()
            print(service.log_text(), file=sys.stderr)
            raise
        service.stop()
        if unbalanced:
            raise AssertionError(f"blocks were not given back: {unbalanced}")

    def post(self, target, body=b"", fields=(), **options):
        return self.service.post(target, body, fields, **options)


def main():
    """Runs the tests of the script that calls this."""
    global binary
    arguments = sys.argv[1:]
    if arguments and os.path.isfile(arguments[0]):
        binary = arguments.pop(0)
    if not binary:
        sys.exit(f"usage: {sys.argv[0]} path/to/frdpu [unittest arguments]")
    program = unittest.main(module="__main__", argv=[sys.argv[0], *arguments], exit=False)
    print(f"{os.path.basename(sys.argv[0])}: {program.result.testsRun} tests, "
          f"{TestCase.cases} cases", file=sys.stderr)
    sys.exit(not program.result.wasSuccessful())
