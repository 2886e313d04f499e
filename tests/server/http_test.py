#!/usr/bin/env python3
"""HTTP itself: framing, smuggling, line endings, targets, Expect, pipelining, slow typing.

The table of raw requests can be pointed at any server, to see how strict that one is:
    python3 tests/server/http_test.py --server 127.0.0.1:80 --path /upload
Each row is followed by a second request on the same connection, once behind the first one's answer
and once in the same write: where the connection is kept it must be answered as itself, and where it
is not, nothing of it may be answered.
"""

import gzip
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import service  # noqa: E402
from support.service import BrokenOff, Connection, Service, SharedServiceTest  # noqa: E402

PATH = "/v1/compress?coding=identity"  # answers with the posted bytes
HEADER_LIMIT = 16 * 1024


class Row:
    """A raw request and what must come of it.

    status:  of the answer; several where each of them is as good.
    kept:    whether the connection takes a second request; None where the answer may say so.
    body:    of the answer, where it is known.
    """

    def __init__(self, name, request, status, kept, body=None, method="POST"):
        self.name = name
        self.request = request if isinstance(request, bytes) else request.encode("latin-1")
        self.statuses = status if isinstance(status, tuple) else (status,)
        self.kept = kept
        self.body = body
        self.method = method


def taken(name, request, body=b"hello", status=200, kept=True, method="POST"):
    return Row(name, request, status, kept, body, method)


def refused(name, request, status=400, kept=False, method="POST"):
    return Row(name, request, status, kept, None, method)


def post(*lines, body="", version="HTTP/1.1", host="Host: t\r\n", path=None):
    """A POST with these field lines, which bring their own line ends."""
    return f"POST {path or PATH} {version}\r\n{host}" + "".join(lines) + "\r\n" + body


def length(count=5):
    return f"Content-Length: {count}\r\n"


CHUNKED = "Transfer-Encoding: chunked\r\n"
HELLO = "5\r\nhello\r\n0\r\n\r\n"
# What a smuggler would have answered as a request of its own.
SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n"


def request_lines():
    end = " HTTP/1.1\r\nHost: t\r\n\r\n"
    return [
        taken("an empty line in front", "\r\n" + post(length(), body="hello")),
        refused("two empty lines in front", "\r\n\r\n" + post(length(), body="hello")),
        taken("absolute form", post(length(), body="hello", path="http://t" + PATH)),
        taken("absolute form, scheme in capitals",
              post(length(), body="hello", path="HTTP://t" + PATH)),
        taken("absolute form, https", post(length(), body="hello", path="https://t" + PATH)),
        taken("absolute form, another host than Host",
              post(length(), body="hello", path="http://other:81" + PATH)),
        taken("an escaped letter in the path",
              post(length(), body="hello", path=PATH.replace("v1", "v%31"))),
        refused("two parts", "GET /\r\nHost: t\r\n\r\n", method="GET"),
        refused("one part", "GET\r\nHost: t\r\n\r\n", method="GET"),
        refused("HTTP/0.9", "GET /\r\n\r\n", method="GET"),
        refused("four parts", f"GET / x{end}", method="GET"),
        refused("two spaces before the target", f"POST  {PATH}{end}"),
        refused("two spaces before the version", f"POST {PATH} {end}"),
        refused("a tab for a space", f"POST\t{PATH}{end}"),
        refused("a space in front", f" POST {PATH}{end}"),
        refused("a space behind", f"POST {PATH} HTTP/1.1 \r\nHost: t\r\n\r\n"),
        refused("a tab in the target", f"GET /\tx{end}", method="GET"),
        refused("an empty target", f"GET {end}", method="GET"),
        refused("a NUL in the target", f"GET /\0{end}", method="GET"),
        refused("a NUL in the method", f"PO\0ST {PATH}{end}"),
        refused("a DEL in the target", f"GET /\x7f{end}", method="GET"),
        refused("Latin-1 in the target", f"GET /\xe4{end}", method="GET"),
        refused("UTF-8 in the target", b"GET /\xc3\xa4 HTTP/1.1\r\nHost: t\r\n\r\n", method="GET"),
        refused("a fragment", f"GET /#x{end}", method="GET"),
        refused("a broken escape", f"GET /%zz{end}", method="GET"),
        refused("an escape cut short", f"GET /%4{end}", method="GET"),
        refused("no slash", f"GET x{end}", method="GET"),
        refused("another scheme", f"GET ftp://t/{end}", method="GET"),
        refused("a URI without a host", f"GET http:///x{end}", method="GET"),
        refused("a URI with a user", f"GET http://u:p@t/x{end}", method="GET"),
        refused("CONNECT", f"CONNECT t:80{end}", method="CONNECT"),
        refused("a method that is no token", f"PO(ST {PATH}{end}"),
        refused("an asterisk for POST", f"POST *{end}"),
        refused("an asterisk for GET", f"GET *{end}", method="GET"),
        refused("lower-case http", f"POST {PATH} http/1.1\r\nHost: t\r\n\r\n"),
        refused("a version without a minor", f"POST {PATH} HTTP/1\r\nHost: t\r\n\r\n"),
        refused("a version with two digits", f"POST {PATH} HTTP/1.10\r\nHost: t\r\n\r\n"),
        refused("another protocol", f"POST {PATH} HTTQ/1.1\r\nHost: t\r\n\r\n"),
        refused("HTTP/2.0", f"POST {PATH} HTTP/2.0\r\nHost: t\r\n\r\n", 505),
        refused("HTTP/0.9 by name", f"POST {PATH} HTTP/0.9\r\nHost: t\r\n\r\n", 505),
        refused("the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, method="PRI"),
        refused("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
        taken("OPTIONS *", f"OPTIONS *{end}", b"", 204, method="OPTIONS"),
        taken("a path that is not there", f"GET /smuggled{end}", None, 404, method="GET"),
        taken("a path with dots", f"GET /v1/../v1/codings{end}", None, 404, method="GET"),
        taken("two slashes", f"GET //v1/codings{end}", None, 404, method="GET"),
        taken("a method in lower case", f"post {PATH}{end}", None, 405),
        taken("an unknown method", f"BREW {PATH}{end}", None, 405, method="BREW"),
        taken("GET where only POST is", f"GET {PATH}{end}", None, 405, method="GET"),
        refused("a request line over the limit",
                f"GET /{'x' * HEADER_LIMIT}{end}", 414, method="GET"),
        refused("a query over the limit", f"GET /?{'x' * 3 * HEADER_LIMIT}{end}", 414,
                method="GET"),
    ]


def field_lines():
    def with_field(line):
        return post(length(), line + "\r\n", body="hello")

    rows = [
        taken("no white space behind the colon", with_field("X:y")),
        taken("white space around a value", with_field("X: \t y \t ")),
        taken("an empty value", with_field("X:")),
        taken("Latin-1 in a value", with_field("X: \xe4")),
        taken("a tab in a value", with_field("X: a\tb")),
        taken("a hundred fields", post(length(), "X: y\r\n" * 100, body="hello")),
        taken("every token character in a name", with_field("!#$%&'*+-.^_`|~09az: y")),
        taken("field names in any case", post("cONTENT-lENGTH: 5\r\n", body="hello")),
        refused("a folded line", with_field("X: y\r\n z")),
        refused("a folded line with a tab", with_field("X: y\r\n\tz")),
        refused("a folded Content-Length", post("Content-Length:\r\n 5\r\n", body="hello")),
        refused("a folded first line", post(length(), body="hello", host=" X: y\r\nHost: t\r\n")),
        refused("white space before the colon", with_field("X : y")),
        refused("white space before Content-Length's colon",
                post("Content-Length : 5\r\n", body="hello")),
        refused("a tab before the colon", with_field("X\t: y")),
        refused("no colon", with_field("X")),
        refused("no name", with_field(": y")),
        refused("a space in a name", with_field("X Y: z")),
        refused("a slash in a name", with_field("X/Y: z")),
        refused("a colon in front", with_field(":X: z")),
        refused("Latin-1 in a name", with_field("X\xe4: z")),
        refused("a NUL in a name", with_field("X\0: z")),
        refused("a NUL in a value", with_field("X: y\0z")),
        refused("a control in a value", with_field("X: y\x01z")),
        refused("a vertical tab before a length", post("\x0bContent-Length: 5\r\n", body="hello")),
        refused("a DEL in a value", with_field("X: y\x7fz")),
        refused("a bare CR in a value", with_field("X: y\rz")),
        refused("a bare CR that hides a field", with_field("X: y\rContent-Length: 0")),
        refused("a bare LF behind a field", post(length(), "X: y\n", body="hello")),
        refused("a bare LF behind the request line", f"POST {PATH} HTTP/1.1\nHost: t\r\n\r\n"),
        refused("bare LFs everywhere", f"POST {PATH} HTTP/1.1\nHost: t\n\n"),
        refused("a bare LF for the empty line", f"POST {PATH} HTTP/1.1\r\nHost: t\r\n\n"),
        refused("CR CR LF", f"POST {PATH} HTTP/1.1\r\r\nHost: t\r\n\r\n"),
        refused("LF CR", f"POST {PATH} HTTP/1.1\n\rHost: t\n\r\n\r"),
        refused("a bare LF in front", "\n" + post(length(), body="hello")),
        refused("a field over the limit",
                post(length(), f"X: {'y' * HEADER_LIMIT}\r\n", body="hello"), 431),
        refused("many fields over the limit",
                post(length(), "X: y\r\n" * (HEADER_LIMIT // 6), body="hello"), 431),
        refused("fields of twice what a block holds",
                post(length(), f"X: {'y' * 1000}\r\n" * 130, body="hello"), 431),
        refused("two Content-Types", post(length(), "Content-Type: a/b\r\n" * 2, body="hello")),
    ]
    # Up to the limit to the byte, and one over it.
    filled = post(length(), "X: \r\n")
    room = HEADER_LIMIT - len(filled)
    at_limit = post(length(), f"X: {'y' * room}\r\n", body="hello")
    rows.append(taken("a head of just the limit", at_limit))
    rows.append(refused("a head of one byte more than the limit",
                        at_limit.replace("X: y", "X: yy"), 431))
    return rows


def hosts():
    def with_host(value):
        return post(length(), body="hello", host=f"Host: {value}\r\n")

    return [
        taken("Host with a port", with_host("t:8080")),
        taken("Host with an IPv6 address", with_host("[::1]:80")),
        taken("Host with an IPv4 address", with_host("127.0.0.1")),
        taken("an empty Host", with_host("")),
        refused("no Host", post(length(), body="hello", host="")),
        refused("no Host with an absolute target",
                post(length(), body="hello", host="", path="http://t" + PATH)),
        refused("two Hosts", with_host("t\r\nHost: t")),
        refused("two different Hosts", with_host("t\r\nhost: u")),
        refused("two Hosts in a list", with_host("t, u")),
        refused("Host with a space", with_host("t u")),
        refused("Host with a path", with_host("t/u")),
        refused("Host with a user", with_host("u@t")),
        refused("Host with a bad port", with_host("t:80x")),
        refused("Host with a broken address", with_host("[::1")),
        taken("HTTP/1.0 without a Host",
              post(length(), body="hello", host="", version="HTTP/1.0"), kept=False),
        refused("HTTP/1.0 with two Hosts",
                post(length(), body="hello", host="Host: t\r\nHost: t\r\n", version="HTTP/1.0")),
    ]


def lengths():
    def with_length(value, body="hello"):
        return post(f"Content-Length: {value}\r\n", body=body)

    return [
        taken("Content-Length", with_length("5")),
        taken("Content-Length 0", with_length("0", ""), b""),
        taken("no length at all", post(), b""),
        taken("leading zeros", with_length("0000005")),
        taken("a body that looks like a request", with_length(len(SMUGGLED), SMUGGLED),
              SMUGGLED.encode()),
        taken("a GET with a body", "GET /v1/codings HTTP/1.1\r\nHost: t\r\n"
              f"Content-Length: {len(SMUGGLED)}\r\n\r\n{SMUGGLED}", None, method="GET"),
        taken("a HEAD with a body", "HEAD /v1/codings HTTP/1.1\r\nHost: t\r\n"
              f"Content-Length: {len(SMUGGLED)}\r\n\r\n{SMUGGLED}", None, method="HEAD"),
        taken("a 404 with a body", "POST /smuggled HTTP/1.1\r\nHost: t\r\n"
              f"Content-Length: {len(SMUGGLED)}\r\n\r\n{SMUGGLED}", None, 404),
        refused("twice", with_length("5\r\nContent-Length: 5")),
        refused("twice and different", with_length("5\r\nContent-Length: 6")),
        refused("twice in another case", with_length("5\r\ncontent-length: 5")),
        refused("a list of equal ones", with_length("5, 5")),
        refused("a list of different ones", with_length("5,6")),
        refused("a plus", with_length("+5")),
        refused("a minus", with_length("-5")),
        refused("hexadecimal", with_length("0x5")),
        refused("a space inside", with_length("5 5")),
        refused("a letter behind", with_length("5a")),
        refused("a fraction", with_length("5.0")),
        refused("empty", with_length("")),
        refused("quoted", with_length('"5"')),
        refused("an underscore", with_length("5_0")),
        refused("2^64", with_length(str(2 ** 64)), (400, 413)),
        refused("30 digits", with_length("9" * 30), (400, 413)),
        refused("2^63", with_length(str(2 ** 63)), 413),
    ]


def transfer_codings():
    def with_coding(value, body=HELLO, extra=""):
        return post(f"Transfer-Encoding: {value}\r\n", extra, body=body)

    return [
        taken("chunked", with_coding("chunked")),
        taken("chunked in capitals", with_coding("CHUNKED")),
        taken("chunked without a space", post("transfer-encoding:chunked\r\n", body=HELLO)),
        taken("chunked behind a tab", post("Transfer-Encoding:\tchunked\r\n", body=HELLO)),
        refused("with Content-Length (CL.TE)", with_coding("chunked", extra=length(len(HELLO)))),
        refused("with Content-Length in front (TE.CL)",
                post(length(len(HELLO)), CHUNKED, body=HELLO)),
        refused("with Content-Length 0", with_coding("chunked", extra=length(0))),
        refused("CL.TE with a request behind",
                post(length(len("0\r\n\r\n" + SMUGGLED)), CHUNKED, body="0\r\n\r\n" + SMUGGLED)),
        refused("TE.CL with a request in a chunk",
                post(length(4), CHUNKED,
                     body=f"{len(SMUGGLED):x}\r\n{SMUGGLED}\r\n0\r\n\r\n")),
        refused("xchunked", with_coding("xchunked")),
        refused("chunked, gzip", with_coding("chunked, gzip")),
        refused("chunked twice", with_coding("chunked, chunked")),
        refused("chunked in two lines", with_coding("chunked\r\nTransfer-Encoding: chunked")),
        refused("chunked, then identity", with_coding("chunked\r\nTransfer-Encoding: identity")),
        refused("identity", with_coding("identity")),
        refused("gzip alone", with_coding("gzip")),
        refused("empty", with_coding("")),
        refused("a parameter", with_coding("chunked;q=1")),
        refused("a comma in front", with_coding(", chunked")),
        refused("a comma behind", with_coding("chunked,")),
        refused("quoted", with_coding('"chunked"')),
        refused("a vertical tab", with_coding("\x0bchunked")),
        refused("a folded one", with_coding("\r\n chunked")),
        refused("a space before the colon", post("Transfer-Encoding : chunked\r\n", body=HELLO)),
        refused("chunked with a NUL", with_coding("chunked\0")),
        refused("gzip, chunked", with_coding("gzip, chunked"), 501),
        refused("gzip and chunked in two lines",
                with_coding("gzip\r\nTransfer-Encoding: chunked"), 501),
        refused("identity, chunked", with_coding("identity, chunked"), 501),
        refused("HTTP/1.0 and chunked", post(CHUNKED, body=HELLO, version="HTTP/1.0")),
        refused("HTTP/1.0, keep-alive and chunked",
                post("Connection: keep-alive\r\n", CHUNKED, body=HELLO, version="HTTP/1.0")),
    ]


def chunks():
    def with_chunks(body):
        return post(CHUNKED, body=body)

    return [
        taken("one chunk", with_chunks(HELLO)),
        taken("many chunks", with_chunks("1\r\nh\r\n1\r\ne\r\n3\r\nllo\r\n0\r\n\r\n")),
        taken("no data", with_chunks("0\r\n\r\n"), b""),
        taken("leading zeros", with_chunks("0005\r\nhello\r\n000\r\n\r\n")),
        taken("capital digits", with_chunks("A\r\nhellohello\r\n0\r\n\r\n"), b"hellohello"),
        taken("small digits", with_chunks("a\r\nhellohello\r\n0\r\n\r\n"), b"hellohello"),
        taken("an extension", with_chunks("5;a=b\r\nhello\r\n0;c\r\n\r\n")),
        taken("a quoted extension", with_chunks('5;a="b;\\"c"\r\nhello\r\n0\r\n\r\n')),
        taken("data that looks like framing", with_chunks("5\r\n0\r\n\r\n\r\n0\r\n\r\n"),
              b"0\r\n\r\n"),
        taken("a trailer", with_chunks("5\r\nhello\r\n0\r\nX: y\r\n\r\n")),
        refused("no size", with_chunks("\r\nhello\r\n0\r\n\r\n")),
        refused("a size that is no number", with_chunks("g\r\nhello\r\n0\r\n\r\n")),
        refused("0x", with_chunks("0x5\r\nhello\r\n0\r\n\r\n")),
        refused("a plus", with_chunks("+5\r\nhello\r\n0\r\n\r\n")),
        refused("a minus", with_chunks("-5\r\nhello\r\n0\r\n\r\n")),
        refused("a space in front", with_chunks(" 5\r\nhello\r\n0\r\n\r\n")),
        refused("a space behind", with_chunks("5 \r\nhello\r\n0\r\n\r\n")),
        refused("a tab behind", with_chunks("5\t\r\nhello\r\n0\r\n\r\n")),
        refused("a size of 2^64", with_chunks("10000000000000000\r\nhello\r\n0\r\n\r\n")),
        refused("a size of 2^64 + 5", with_chunks("10000000000000005\r\nhello\r\n0\r\n\r\n")),
        refused("a size of 40 digits", with_chunks("f" * 40 + "\r\nhello\r\n0\r\n\r\n")),
        refused("a bare LF behind a size", with_chunks("5\nhello\r\n0\r\n\r\n")),
        refused("a bare CR behind a size", with_chunks("5\rhello\r\n0\r\n\r\n")),
        refused("CR CR LF behind a size", with_chunks("5\r\r\nhello\r\n0\r\n\r\n")),
        refused("a bare LF behind data", with_chunks("5\r\nhello\n0\r\n\r\n")),
        refused("no line end behind data", with_chunks("5\r\nhello0\r\n\r\n")),
        refused("more data than the size", with_chunks("5\r\nhelloo\r\n0\r\n\r\n")),
        refused("less data than the size", with_chunks("6\r\nhello\r\n0\r\n\r\n0\r\n\r\n")),
        refused("a bare LF in an extension", with_chunks("5;a\nb\r\nhello\r\n0\r\n\r\n")),
        refused("a bare CR in an extension", with_chunks("5;a\rb\r\nhello\r\n0\r\n\r\n")),
        refused("a NUL in an extension", with_chunks("5;a\0\r\nhello\r\n0\r\n\r\n")),
        refused("an extension without a semicolon", with_chunks("5 a=b\r\nhello\r\n0\r\n\r\n")),
        refused("an extension without a name", with_chunks("5;=b\r\nhello\r\n0\r\n\r\n")),
        refused("a trailer without a colon", with_chunks("5\r\nhello\r\n0\r\nX\r\n\r\n")),
        refused("a trailer without a name", with_chunks("5\r\nhello\r\n0\r\n: y\r\n\r\n")),
        refused("a NUL in a trailer", with_chunks("5\r\nhello\r\n0\r\nX: \0\r\n\r\n")),
        refused("white space before a trailer's colon",
                with_chunks("5\r\nhello\r\n0\r\nX : y\r\n\r\n")),
        refused("a request where the trailer should be", with_chunks("5\r\nhello\r\n0\r\n" + SMUGGLED)),
        refused("an endless extension", with_chunks(f"5;{'a' * 70000}\r\nhello\r\n0\r\n\r\n")),
        refused("endless zeros", with_chunks("0" * 70000 + "5\r\nhello\r\n0\r\n\r\n")),
        refused("an endless trailer",
                with_chunks(f"5\r\nhello\r\n0\r\nX: {'y' * 70000}\r\n\r\n"), 431),
        refused("endless trailers",
                with_chunks("5\r\nhello\r\n0\r\n" + "X: y\r\n" * 20000 + "\r\n"), 431),
        refused("a bare LF for the last line", with_chunks("5\r\nhello\r\n0\r\n\n")),
        refused("a bare LF behind the last size", with_chunks("5\r\nhello\r\n0\n\r\n")),
        refused("a bare LF behind a trailer", with_chunks("5\r\nhello\r\n0\r\nX: y\n\r\n")),
        refused("a bare CR in a trailer", with_chunks("5\r\nhello\r\n0\r\nX: y\rz\r\n\r\n")),
        refused("a folded trailer", with_chunks("5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n")),
        refused("an indented trailer", with_chunks("5\r\nhello\r\n0\r\n X: y\r\n\r\n")),
        refused("a size line of 257 bytes",
                with_chunks(f"5;{'a' * 255}\r\nhello\r\n0\r\n\r\n")),
        taken("a size line of 256 bytes",
              with_chunks(f"5;{'a' * 253}\r\nhello\r\n0\r\n\r\n")),
        refused("white space in an extension", with_chunks("5; a=b\r\nhello\r\n0\r\n\r\n")),
        refused("a quote that does not end", with_chunks('5;a="b\r\nhello\r\n0\r\n\r\n')),
        taken("trailers that would change the request",
              with_chunks("5\r\nhello\r\n0\r\nContent-Length: 500\r\nTransfer-Encoding: gzip\r\n"
                          "Host: other\r\nHost: t\r\nConnection: close\r\nExpect: x\r\n"
                          "Content-Encoding: gzip\r\n\r\n")),
    ]


def connections():
    def with_field(line, version="HTTP/1.1"):
        return post(length(), line + "\r\n", body="hello", version=version)

    return [
        taken("Connection: close", with_field("Connection: close"), kept=False),
        taken("Connection: CLOSE", with_field("Connection: CLOSE"), kept=False),
        taken("close in a list", with_field("Connection: x, close ,y"), kept=False),
        taken("close in a second line", with_field("Connection: x\r\nConnection: close"),
              kept=False),
        taken("close and keep-alive", with_field("Connection: keep-alive, close"), kept=False),
        taken("keep-alive", with_field("Connection: keep-alive")),
        taken("closed is not close", with_field("Connection: closed")),
        taken("empty elements", with_field("Connection: ,, x ,")),
        taken("an upgrade that is not taken",
              with_field("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                         "HTTP2-Settings: AAMAAABkAAQAAP__")),
        taken("an upgrade to websocket", with_field("Connection: Upgrade\r\nUpgrade: websocket")),
        taken("a Connection that names Content-Length", with_field("Connection: Content-Length")),
        refused("a Connection that is no list of tokens", with_field("Connection: a b")),
        taken("HTTP/1.0", with_field("X: y", "HTTP/1.0"), kept=False),
        taken("HTTP/1.0 with keep-alive", with_field("Connection: keep-alive", "HTTP/1.0")),
        taken("HTTP/1.0 with Keep-Alive in a list",
              with_field("Connection: x, Keep-Alive", "HTTP/1.0")),
        taken("HTTP/1.0 with keep-alive and close",
              with_field("Connection: keep-alive, close", "HTTP/1.0"), kept=False),
        taken("HTTP/1.0 without a length", post(version="HTTP/1.0"), b"", kept=False),
    ]


def expectations():
    def with_expect(value, version="HTTP/1.1"):
        return post(length(), f"Expect: {value}\r\n", body="hello", version=version)

    return [
        taken("100-continue, body at once", with_expect("100-continue")),
        taken("100-continue in capitals", with_expect("100-CONTINUE")),
        taken("100-continue without a body", post("Expect: 100-continue\r\n"), b""),
        taken("100-continue with an empty body", post(length(0), "Expect: 100-continue\r\n"), b""),
        taken("100-continue and chunked", post(CHUNKED, "Expect: 100-continue\r\n", body=HELLO)),
        taken("100-continue in HTTP/1.0", with_expect("100-continue", "HTTP/1.0"), kept=False),
        taken("another one in HTTP/1.0", with_expect("200-maybe", "HTTP/1.0"), kept=False),
        refused("another one", with_expect("200-maybe"), 417, kept=None),
        refused("100-continue and another one", with_expect("100-continue, x"), 417, kept=None),
        refused("another one and chunked", post(CHUNKED, "Expect: x\r\n", body=HELLO), 417),
    ]


TABLE = {
    "request lines": request_lines,
    "field lines": field_lines,
    "Host": hosts,
    "Content-Length": lengths,
    "Transfer-Encoding": transfer_codings,
    "chunks": chunks,
    "Connection": connections,
    "Expect": expectations,
}

SECOND_BODY = b"the second request"


def second_request():
    return (f"POST {PATH} HTTP/1.1\r\nHost: t\r\nContent-Length: {len(SECOND_BODY)}\r\n"
            "Connection: close\r\n\r\n").encode() + SECOND_BODY


class RawRequestTest(SharedServiceTest):
    """Every row of the table, against the service."""

    flags = {"idle_timeout": "60s"}

    def run_row(self, row, together):
        with self.service.connect() as connection:
            connection.send(row.request + (second_request() if together else b""))
            response = connection.read_response(row.method)
            self.assertIn(response.status, row.statuses, response)
            if row.body is not None:
                self.assertEqual(response.body, row.body)
            if response.status >= 400 and row.method != "HEAD":
                self.assertEqual(response.field("Content-Type"), "application/problem+json")
                self.assertEqual(response.json()["status"], response.status)
            kept = row.kept if row.kept is not None else not response.closes
            self.assertEqual(not response.closes, kept, response)
            if not kept:
                # Whatever is behind it, nothing of it may be answered.
                if not together:
                    self.assertTrue(connection.ended(), connection.buffer)
                else:
                    self.assertEqual(connection.rest(), b"")
                return
            if not together:
                connection.send(second_request())
            second = connection.read_response()
            self.assert_status(second, 200)
            self.assertEqual(second.body, SECOND_BODY)
            self.assertTrue(connection.ended(), connection.buffer)

    def run_table(self, name):
        rows = TABLE[name]()
        self.assertEqual(len({row.name for row in rows}), len(rows), "names must be unique")
        for row in rows:
            for together in (False, True):
                with self.case(table=name, row=row.name, together=together):
                    self.run_row(row, together)

    def test_the_table_can_be_pointed_at_a_server(self):
        host, port = self.service.address
        run = subprocess.run([sys.executable, __file__, "--server", f"{host}:{port}", "--path", PATH],
                             capture_output=True, text=True, timeout=service.TIMEOUT, check=True)
        self.assertRegex(run.stdout, r"\A[0-9]+ rows, 0 differences\n\Z")

    def test_has_enough_rows(self):
        self.assertGreaterEqual(sum(len(rows()) for rows in TABLE.values()), 120)


def _add_table_tests():
    for name in TABLE:
        method = "test_" + name.lower().replace(" ", "_").replace("-", "_")
        setattr(RawRequestTest, method, lambda self, name=name: self.run_table(name))


_add_table_tests()


class ConnectionUseTest(SharedServiceTest):
    """Many requests a connection, and requests in many pieces."""

    def message(self, body, path=PATH, fields=()):
        head, pieces = service.make_request("POST", path, body, fields)
        return head + b"".join(pieces)

    def test_keeps_a_connection_for_many_requests(self):
        with self.service.connect() as connection:
            for i in range(300):
                body = b"%d" % i * (i * 37 % 2000)
                self.assertEqual(connection.request("POST", PATH, body).body, body)

    def test_answers_a_hundred_pipelined_requests_in_order(self):
        for coding in ("identity", "lz4", "zstd"):
            with self.case(coding=coding), self.service.connect() as connection:
                bodies = [b"body %d " % i * (i % 50) for i in range(100)]
                path = f"/v1/compress?coding={coding}"
                alone = [self.service.post(path, body).body for body in bodies]
                connection.send(b"".join(self.message(body, path) for body in bodies))
                for wanted in alone:
                    self.assertEqual(connection.read_response().body, wanted)
                connection.send(self.message(b"last"))
                self.assertEqual(connection.read_response().body, b"last")

    def test_answers_pipelined_requests_of_every_kind(self):
        big = bytes(range(256)) * 1024  # 256 KiB: streamed
        head, chunks = service.make_request("POST", PATH, big, chunked=True, chunk_bytes=5000)
        wire = (self.message(b"a") + head + b"".join(chunks) + b"GET /v1/codings HTTP/1.1\r\n"
                b"Host: t\r\n\r\nHEAD /v1/limits HTTP/1.1\r\nHost: t\r\n\r\n"
                + self.message(b"x", "/nowhere") + self.message(big) + self.message(b"z"))
        with self.service.connect() as connection:
            sender = service.threading.Thread(target=connection.send, args=(wire,))
            sender.start()
            self.assertEqual(connection.read_response().body, b"a")
            self.assert_same_bytes(connection.read_response().body, big)
            self.assertIn("codings", connection.read_response("GET").json())
            self.assertEqual(connection.read_response("HEAD").body, b"")
            self.assert_problem(connection.read_response(), 404, "not_found")
            self.assert_same_bytes(connection.read_response().body, big)
            self.assertEqual(connection.read_response().body, b"z")
            sender.join()

    def test_answers_what_was_pipelined_behind_a_body_that_came_fast(self):
        # The end of the body and all behind it may lie in several blocks then.
        def chunked(body, path=PATH):
            head, chunks = service.make_request("POST", path, body, chunked=True, chunk_bytes=50_000)
            return head + b"".join(chunks)
        large = os.urandom(3 << 20)
        for path in (PATH, "/v1/compress?coding=zstd&level=1"):
            with self.case(path=path), self.service.connect() as connection:
                small = [b"%d " % i * (i % 300) for i in range(1_000)]
                wire = (chunked(large, path) + b"".join(self.message(body) for body in small)
                        + chunked(large[:300_000]) + self.message(b"x", "/nowhere")
                        + self.message(large[:400_000]) + chunked(large[:70_000])
                        + self.message(b"b", fields={"Expect": "100-continue"})
                        + self.message(b"z"))
                sender = service.threading.Thread(target=connection.send, args=(wire,))
                sender.start()
                first = connection.read_response()
                if path == PATH:
                    self.assert_same_bytes(first.body, large)
                else:
                    self.assert_same_bytes(first.body, self.service.post(path, large, chunked=True).body)
                for body in small:
                    self.assertEqual(connection.read_response().body, body)
                self.assert_same_bytes(connection.read_response().body, large[:300_000])
                self.assert_problem(connection.read_response(), 404, "not_found")
                self.assert_same_bytes(connection.read_response().body, large[:400_000])
                self.assert_same_bytes(connection.read_response().body, large[:70_000])
                self.assertEqual(connection.read_response().body, b"b")
                self.assertEqual(connection.read_response().body, b"z")
                sender.join()

    def test_answers_nothing_behind_an_error(self):
        wire = self.message(b"a") + b"GET / HTTP/1.1\r\n\r\n" + self.message(b"b") * 50
        with self.service.connect() as connection:
            connection.send(wire)
            self.assertEqual(connection.read_response().body, b"a")
            self.assert_problem(connection.read_response(), 400, "malformed_request")
            self.assertEqual(connection.rest(), b"")

    def test_answers_nothing_behind_a_close(self):
        wire = self.message(b"a", fields={"Connection": "close"}) + self.message(b"b") * 50
        with self.service.connect() as connection:
            connection.send(wire)
            self.assertEqual(connection.read_response().body, b"a")
            self.assertEqual(connection.rest(), b"")

    def test_a_head_that_comes_again_means_what_it_meant(self):
        zipped, framed = gzip.compress(b"hello" * 50), self.service.post(
            "/v1/compress?coding=lz4", b"hello" * 50).body
        rows = [(path, body, fields) for path, bodies, fields in (
            (PATH, (b"a", b"bc"), {}),
            ("/v1/compress?coding=auto", (bytes(3000), os.urandom(3000), b"text " * 500), {}),
            ("/v1/compress?coding=gzip", (zipped, b"no gzip", zipped), {"Content-Encoding": "gzip"}),
            ("/v1/decompress", (zipped, framed, b"no such thing", zipped), {}),
            ("/v1/decompress?coding=gzip", (zipped, framed), {}),
            ("/v1/transcode?to=lz4", (zipped, framed), {}),
            ("/v1/compress?coding=gzip&split=65536", (b"text " * 40000, b"text " * 20), {}),
            ("/v1/compress?coding=none", (b"a", b"b"), {}),
            ("/v1/compress?coding=zstd&dictionary=x", (b"a", b"b"), {}),
            ("/v1/codings", (b"a", b"b"), {}),
            ("/nowhere", (b"a", b"b"), {}),
        ) for body in bodies]
        alone = [self.service.post(*row) for row in rows]
        self.assertEqual({response.status for response in alone}, {200, 400, 404, 405, 415, 422})
        # Each several times in a row, and each behind each other one.
        orders = [[i, i, i] for i in range(len(rows))]
        orders += [[i, j, i] for i in range(len(rows)) for j in range(len(rows))]
        with self.service.connect() as connection:
            for order in orders:
                for i in order:
                    path, body, fields = rows[i]
                    with self.case(order=order, row=rows[i]):
                        response = connection.request("POST", path, body, fields)
                        self.assertEqual(response.status, alone[i].status)
                        self.assertEqual(response.field("Allow"), alone[i].field("Allow"))
                        if response.status == 200:
                            self.assert_same_bytes(response.body, alone[i].body)
                        else:
                            self.assertEqual(response.json(), alone[i].json())

    def test_a_head_comes_again_behind_one_that_was_broken(self):
        # One loop, so that the next connection gets what the one before had.
        with Service(threads=1) as one:
            for broken in (b"GET\n", b"GET / x\r\n\r\n", b"G" * (HEADER_LIMIT + 1)):
                for _ in range(2):
                    self.assertEqual(one.post(PATH, b"hello").body, b"hello")
                with one.connect() as connection:
                    connection.send(broken)
                    self.assertGreaterEqual(connection.read_response().status, 400)

    def test_reads_requests_a_byte_at_a_time(self):
        chunked = post(CHUNKED, body="3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\n").encode()
        for wire in (self.message(b"hello"), chunked, b"\r\n" + self.message(b"hello")):
            with self.case(wire=wire), self.service.connect() as connection:
                for _ in range(2):
                    for at in range(len(wire)):
                        connection.send(wire[at:at + 1])
                    self.assertEqual(connection.read_response().body, b"hello")

    def test_reads_requests_cut_in_two_anywhere(self):
        wire = (post(CHUNKED, body="3\r\nhel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\n")
                + post(length(), body="world")).encode()
        with self.service.connect() as connection:
            for cut in range(1, len(wire)):
                connection.send(wire[:cut])
                # An answer in between gives the first part its own read.
                connection.send(wire[cut:])
                self.assertEqual(connection.read_response().body, b"hello")
                self.assertEqual(connection.read_response().body, b"world")

    def test_reads_chunks_of_every_small_size(self):
        body = bytes(range(256)) * 40
        with self.service.connect() as connection:
            for size in [*range(1, 40), 255, 256, 1000, 4095, 4097, len(body)]:
                got = connection.request("POST", PATH, body, chunked=True, chunk_bytes=size).body
                self.assert_same_bytes(got, body)

    def test_head_has_no_body_and_the_fields_of_get(self):
        with self.service.connect() as connection:
            for path in ("/v1/codings", "/v1/limits"):
                get = connection.request("GET", path)
                head = connection.request("HEAD", path)
                self.assertEqual(head.status, 200)
                self.assertEqual(head.field("Content-Length"), str(len(get.body)))
                self.assertEqual(head.field("Content-Type"), get.field("Content-Type"))
            self.assertEqual(connection.request("HEAD", "/nowhere").status, 404)
            self.assertEqual(connection.request("HEAD", "/v1/compress").status, 405)
            self.assertEqual(connection.request("POST", PATH, b"in step").body, b"in step")

    def test_says_which_methods_there_are(self):
        for path, allow in (("/v1/compress", {"POST"}), ("/v1/codings", {"GET", "HEAD"})):
            response = self.service.request("DELETE", path)
            self.assert_problem(response, 405, "method_not_allowed")
            self.assertEqual({m.strip() for m in response.field("Allow").split(",")}, allow)
        response = self.service.request("OPTIONS", "*")
        self.assert_status(response, 204)
        self.assertTrue({"GET", "HEAD", "POST"} <=
                        {m.strip() for m in response.field("Allow").split(",")}, response)
        self.assertIsNone(response.field("Content-Length"))

    def test_serves_only_its_own_on_each_listener(self):
        for path in ("/metrics", "/livez", "/readyz", "/v1/pools"):
            self.assert_problem(self.service.request("GET", path), 404, "not_found")
            self.assert_status(self.service.admin(path), 200)
        self.assertEqual(self.service.admin("/v1/codings").status, 404)

    def test_every_answer_has_a_date(self):
        for response in (self.post(PATH, b"x"), self.service.request("GET", "/nowhere"),
                         self.service.admin("/livez")):
            self.assertRegex(response.field("Date"),
                             r"\A[A-Z][a-z]{2}, [0-3][0-9] [A-Z][a-z]{2} [0-9]{4} "
                             r"[0-2][0-9]:[0-5][0-9]:[0-6][0-9] GMT\Z")

    def test_echoes_a_request_id(self):
        response = self.post(PATH, b"x", {"X-Request-Id": "abc-123"})
        self.assertEqual(response.field("X-Request-Id"), "abc-123")

    def test_a_value_cannot_split_the_answer(self):
        for value in ('a"b', "a\tb", "x" * 129):
            with self.case(value=value):
                response = self.post(PATH, b"x", {"X-Request-Id": value})
                self.assert_status(response, 200)
                self.assertIsNone(response.field("X-Request-Id"))
        response = self.post("/v1/compress?coding=%0d%0aX:%20y", b"x")
        self.assert_problem(response, 400, "unknown_coding")
        self.assertIsNone(response.field("X"))


class OldClientTest(SharedServiceTest):
    """HTTP/1.0: no chunks in either direction, closed unless asked."""

    def test_gets_long_answers_until_the_connection_closes(self):
        body = os.urandom(300_000)
        head, pieces = service.make_request("POST", PATH, body, version="HTTP/1.0")
        for keep in ("", "Connection: keep-alive\r\n"):
            with self.case(keep=keep), self.service.connect() as connection:
                wire = head.replace(b"\r\n\r\n", b"\r\n" + keep.encode() + b"\r\n")
                sender = service.threading.Thread(
                    target=connection.send, args=(wire + b"".join(pieces),))
                sender.start()
                response = connection.read_response()
                sender.join()
                self.assertIsNone(response.field("Transfer-Encoding"))
                self.assertEqual(response.field("Connection"), "close")
                self.assert_same_bytes(response.body, body)

    def test_keeps_the_connection_where_asked(self):
        wire = post(length(), "Connection: keep-alive\r\n", body="hello", version="HTTP/1.0")
        with self.service.connect() as connection:
            for _ in range(3):
                connection.send(wire.encode())
                response = connection.read_response()
                self.assertEqual(response.field("Connection"), "keep-alive")
                self.assertEqual(response.body, b"hello")


class ContinueTest(SharedServiceTest):
    """Expect: 100-continue, from a client that keeps its body until it is told."""

    flags = {"max_body_bytes": 1_000_000}

    def head(self, path=PATH, body=length(), method="POST"):
        return (f"{method} {path} HTTP/1.1\r\nHost: t\r\n{body}Expect: 100-continue\r\n"
                "\r\n").encode()

    def read_continue(self, connection):
        self.assertEqual(connection._line(), b"HTTP/1.1 100 Continue")
        self.assertEqual(connection._line(), b"")
        self.assertEqual(bytes(connection.buffer), b"")

    def test_asks_for_the_body(self):
        for framing, body in ((length(), b"hello"), (CHUNKED, HELLO.encode())):
            with self.case(framing=framing), self.service.connect() as connection:
                for _ in range(3):  # and keeps the connection in step
                    connection.send(self.head(body=framing))
                    self.read_continue(connection)
                    connection.send(body)
                    response = connection.read_response()
                    self.assertEqual((response.status, response.interim), (200, []))
                    self.assertEqual(response.body, b"hello")

    def test_asks_for_long_bodies(self):
        body = os.urandom(500_000)
        for coding in ("identity", "lz4", "auto"):
            with self.case(coding=coding), self.service.connect() as connection:
                connection.send(self.head(f"/v1/compress?coding={coding}", length(len(body))))
                self.read_continue(connection)
                sender = service.threading.Thread(target=connection.send, args=(body,))
                sender.start()
                self.assert_status(connection.read_response(), 200)
                sender.join()

    def test_asks_for_bodies_that_must_be_sniffed(self):
        frame = self.post("/v1/compress?coding=lz4", b"hello").body
        with self.service.connect() as connection:
            connection.send(self.head("/v1/decompress", length(len(frame))))
            self.read_continue(connection)
            connection.send(frame)
            self.assertEqual(connection.read_response().body, b"hello")

    def test_refuses_before_it_asks(self):
        rows = [
            ("/v1/compress?coding=x", length(), 400, "unknown_coding"),
            ("/v1/compress?coding=lz4&level=99", length(), 400, "invalid_level"),
            ("/v1/compress?x=y", length(), 400, "unknown_parameter"),
            ("/nowhere", length(), 404, "not_found"),
            (PATH, length(1_000_001), 413, "body_too_large"),
            ("/v1/transcode", length(), 400, "invalid_parameter"),
            ("/v1/compress?label=encoding", length() +
             "Accept-Encoding: identity;q=0\r\n", 406, "not_acceptable"),
            ("/v1/decompress", length() + "Content-Encoding: x\r\n", 415, "unsupported_coding"),
        ]
        for path, fields, status, code in rows:
            with self.case(path=path), self.service.connect() as connection:
                connection.send(self.head(path, fields))
                response = connection.read_response()
                self.assert_problem(response, status, code)
                self.assertEqual(response.interim, [])
                # The body may come or not, so nothing behind it can be told from it.
                self.assertTrue(response.closes)
                connection.send(second_request())
                self.assertEqual(connection.rest(), b"")

    def test_does_not_ask_once_the_body_has_begun(self):
        with self.service.connect() as connection:
            connection.send(self.head() + b"hello")
            self.assertEqual(connection.read_response().body, b"hello")

    def test_get_with_an_expectation(self):
        with self.service.connect() as connection:
            connection.send(self.head("/v1/codings", "", "GET"))
            response = connection.read_response("GET")
            self.assertEqual((response.status, response.interim), (200, []))


class HalfCloseTest(SharedServiceTest):
    """Clients that end their side first: `nc -N`, some proxies, a crash."""

    def end_after(self, data):
        connection = self.service.connect()
        connection.send(data)
        connection.finish_sending()
        return connection

    def test_answers_what_came_whole(self):
        wire = post(length(), body="hello").encode()
        with self.end_after(wire) as connection:
            self.assertEqual(connection.read_response().body, b"hello")
            self.assertTrue(connection.ended())

    def test_answers_all_that_was_pipelined(self):
        with self.end_after(post(length(), body="hello").encode() * 20) as connection:
            for _ in range(20):
                self.assertEqual(connection.read_response().body, b"hello")
            self.assertTrue(connection.ended())

    def test_answers_long_bodies(self):
        body = os.urandom(400_000)
        head, pieces = service.make_request("POST", PATH, body, chunked=True)
        with self.service.connect() as connection:
            def send():
                connection.send(head + b"".join(pieces))
                connection.finish_sending()
            sender = service.threading.Thread(target=send)
            sender.start()
            self.assert_same_bytes(connection.read_response().body, body)
            sender.join()
            self.assertTrue(connection.ended())

    def test_never_takes_half_a_request_for_a_whole(self):
        whole = post(length(), body="hello").encode()
        chunked = post(CHUNKED, body=HELLO).encode()
        for wire in (whole, chunked):
            for cut in range(len(wire)):
                with self.case(wire=wire[:cut]), self.end_after(wire[:cut]) as connection:
                    try:
                        response = connection.read_response()
                    except BrokenOff as broken:
                        self.assertIsNone(broken.response)
                        continue
                    self.assertEqual(response.status, 400)
                    self.assertTrue(connection.ended())

    def test_survives_resets_at_every_stage(self):
        wire = post(CHUNKED, body=HELLO).encode()
        for cut in range(len(wire) + 1):
            connection = self.service.connect()
            connection.send(wire[:cut])
            connection.reset()
        self.assertEqual(self.post(PATH, b"alive").body, b"alive")
        self.assertTrue(self.service.eventually(
            lambda: self.service.metric("frdpu_connections", state="active") in (None, 0)))


def probe_any_server(address, path):
    """Runs the table against a server that we know nothing of, and prints where it differs."""
    global PATH
    PATH = path
    differences = total = 0
    for table, rows in TABLE.items():
        for row in rows():
            total += 1
            with Connection(service.parse_address(address), timeout=5) as connection:
                try:
                    connection.send(row.request + second_request())
                    first = connection.read_response(row.method).status
                except BrokenOff:
                    first = None
                except (service.ProtocolError, OSError) as error:
                    first = f"{type(error).__name__}: {error}"
                answers = 0
                try:
                    while first is not None and connection.read_response():
                        answers += 1
                except (BrokenOff, service.ProtocolError, OSError):
                    pass
            status = row.statuses[0]
            ours_alone = status in (404, 405)  # which paths and methods there are is a server's own
            refused_it = first is None or (isinstance(first, int) and first >= 400)
            wanted_answers = {True: [1], False: [0], None: [0, 1]}[row.kept]
            differs = refused_it != (status >= 400) and not ours_alone
            if differs or answers not in wanted_answers:
                differences += 1
                print(f"{table}: {row.name}: answered {first} and {answers} more; "
                      f"strict is {status} and {wanted_answers[0]} more")
    print(f"{total} rows, {differences} differences")


if __name__ == "__main__":
    if "--server" in sys.argv:
        options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
        probe_any_server(options["--server"], options.get("--path", "/"))
    else:
        service.main()
