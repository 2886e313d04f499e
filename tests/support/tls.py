"""Certificates made by openssl, TLS contexts for clients, and a socket that two threads may use.

Keys are on P-256: fast to make and to sign with.
"""

import os
import select
import socket
import ssl
import subprocess
import tempfile
import threading

NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"


def openssl(*arguments, data=b""):
    done = subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=False)
    assert done.returncode == 0, f"openssl {arguments}: {done.stderr.decode()}"
    return done.stdout


class Authority:
    """Signs certificates. All its files are in `folder`."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.cert, self.key = self.path(name, "crt"), self.path(name, "key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.key, "-out", self.cert, "-days", "30", "-subj", f"/CN={name}")

    def path(self, name, suffix):
        return os.path.join(self.folder, f"{name}.{suffix}")

    def issue(self, name, key_type=("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), days=30):
        """Returns the paths of a new certificate and its key."""
        cert, key, request = (self.path(name, suffix) for suffix in ("crt", "key", "csr"))
        openssl("req", "-newkey", *key_type, "-nodes", "-keyout", key, "-out", request,
                "-subj", f"/CN={name}")
        extensions = self.path(name, "ext")
        with open(extensions, "w") as file:
            file.write(NAMES + "\n")
        openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-out", cert,
                "-CAcreateserial", "-days", str(days), "-extfile", extensions)
        return cert, key


class Certificates:
    """What the tests need, made once: a server's, two clients' and those of strangers."""

    def __init__(self):
        self.holder = tempfile.TemporaryDirectory()
        self.folder = self.holder.name
        self.authority = Authority(self.folder, "authority")
        self.stranger = Authority(self.folder, "stranger")
        self.server = self.authority.issue("server")
        self.other_server = self.authority.issue("other-server")
        self.client = self.authority.issue("client")
        self.strange_client = self.stranger.issue("strange-client")

    def flags(self, admin=False, client_ca=False, server=None):
        """Settings of `serve` as keyword arguments."""
        cert, key = server or self.server
        prefix = "admin_" if admin else ""
        flags = {prefix + "tls_cert": cert, prefix + "tls_key": key}
        if client_ca:
            flags[prefix + "tls_client_ca"] = self.authority.cert
        return flags

    def context(self, version=None, client=None, alpn=()):
        """A client's context, which believes nothing but our authority."""
        context = ssl.create_default_context(cafile=self.authority.cert)
        # Python takes the end of TCP for the end of TLS, too: what it must not be taken for here.
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        if version:
            context.minimum_version = context.maximum_version = version
        if client:
            context.load_cert_chain(*client)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context


def client_hello(context):
    """Returns the first bytes that a client sends."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


class HalfOpen:
    """A TLS client over bytes in memory, which can say goodbye and go on reading."""

    def __init__(self, address, context):
        self.raw = socket.create_connection(address, timeout=60)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self._until_done(self.tls.do_handshake)

    def _until_done(self, operation, *arguments):
        while True:
            try:
                return operation(*arguments)
            except ssl.SSLWantReadError:
                self.raw.sendall(self.outgoing.read())
                data = self.raw.recv(1 << 16)
                self.incoming.write(data) if data else self.incoming.write_eof()

    def send_and_say_goodbye(self, data):
        self.tls.write(data)
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            self.raw.sendall(self.outgoing.read())

    def read_all(self):
        """Returns everything up to the peer's goodbye."""
        got = b""
        while True:
            try:
                piece = self._until_done(self.tls.read, 1 << 16)
            except ssl.SSLZeroReturnError:
                piece = b""
            if not piece:
                self.raw.close()
                return got
            got += piece


class Socket:
    """A TLS client's socket. One thread may read while another one writes, which Python's own
    may not; an end without the peer's goodbye is an ssl.SSLError and never looks clean."""

    def __init__(self, raw, context):
        self.timeout = raw.gettimeout()
        self.ssl = context.wrap_socket(raw, server_hostname="localhost",
                                       suppress_ragged_eofs=False)
        self.ssl.setblocking(False)
        self.lock = threading.Lock()

    def _wait_and(self, operation, *arguments):
        while True:
            try:
                with self.lock:
                    return operation(*arguments)
            except ssl.SSLWantReadError:
                ready = select.select([self.ssl], [], [], self.timeout)
            except ssl.SSLWantWriteError:
                ready = select.select([], [self.ssl], [], self.timeout)
            if not any(ready):
                raise TimeoutError("timed out")

    def recv(self, size):
        return self._wait_and(self.ssl.recv, size)

    def send(self, data):
        return self._wait_and(self.ssl.send, data)

    def sendall(self, data):
        view = memoryview(data)
        while view:
            view = view[self._wait_and(self.ssl.send, view):]

    def shutdown(self, how):
        """TCP's, without a word of TLS."""
        socket.socket.shutdown(self.ssl, how)

    def setsockopt(self, *arguments):
        self.ssl.setsockopt(*arguments)

    def settimeout(self, timeout):
        self.timeout = timeout

    def fileno(self):
        return self.ssl.fileno()

    def close(self):
        self.ssl.close()
