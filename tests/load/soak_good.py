"""Good requests of a soak: every answer is checked byte for byte."""

import gzip
import zlib

from load.soak_client import HEAVY, LEVELS, encode, expect, usable
from support import codings
from support.service import make_request


def round_trip(client):
    """There by the service, back by the service, and by somebody else's decoder."""
    coding = client.coding()
    data = client.body()
    level = client.random.randint(*LEVELS[coding])
    if client.random.random() < 0.02:
        data, level = data[:30_000], HEAVY[coding]
    packed = encode(client, coding, data, level)
    if packed is None:
        return
    if coding in ("gzip", "deflate"):
        expect(codings.QUICK_DECODE[coding](packed) == data, f"{coding}: other bytes for zlib")
    elif client.random.random() < 0.03:
        expect(codings.CODINGS[coding].decode(packed) == data, f"{coding}: other bytes for its tool")
    response = client.request("POST", f"/v1/decompress?coding={coding}", packed,
                              chunked=client.random.random() < 0.5)
    if usable(response):
        expect(response.body == data, f"{coding}: {len(response.body)} bytes for {len(data)}")


def foreign_frames(client):
    """What others made, several members of it, is decoded."""
    data = client.body(100_000)
    coding = client.random.choice(("gzip", "deflate"))
    packed = zlib.compress(data)
    if coding == "gzip":
        at = client.random.randrange(len(data) + 1)
        packed, coding = gzip.compress(data[:at], 1) + gzip.compress(data[at:], 6), None
    target = "/v1/decompress" + (f"?coding={coding}" if coding else "")
    response = client.request("POST", target, packed)
    if usable(response):
        expect(response.body == data, "other bytes than zlib encoded")


def transcode(client):
    data = client.body(200_000)
    packed = encode(client, "lz4", data, 1)
    if packed is None:
        return
    response = client.request("POST", "/v1/transcode?to=gzip&level=1", packed, chunked=True)
    if usable(response):
        expect(gzip.decompress(response.body) == data, "transcoded to other bytes")


def pipeline(client):
    bodies = [client.body(8000) for _ in range(client.random.randint(2, 6))]
    wire = b""
    for body in bodies:
        head, pieces = make_request("POST", "/v1/compress?coding=deflate&level=1", body,
                                    chunked=client.random.random() < 0.5)
        wire += head + b"".join(pieces)
    with client.service.connect() as connection:
        connection.send(wire)
        for body in bodies:
            response = client.note(connection.read_response())
            if not usable(response):
                return
            expect(zlib.decompress(response.body) == body, "an answer out of its turn")


def continues(client):
    data = client.body(50_000)
    head, _ = make_request("POST", "/v1/compress?coding=gzip", data,
                           {"Expect": "100-continue", "Connection": "close"})
    with client.service.connect() as connection:
        connection.send(head)
        line = b""
        while data and not line.endswith(b"\r\n\r\n"):
            byte = connection.socket.recv(1)
            if not byte:
                break
            line += byte
            if line == b"HTTP/1.1 503":
                return
        expect(not data or line.startswith(b"HTTP/1.1 100 "), line)
        connection.send(data)
        response = client.note(connection.read_response())
        if usable(response):
            expect(gzip.decompress(response.body) == data, "other bytes behind 100 Continue")


def looks(client):
    target = client.random.choice(("/v1/codings", "/v1/limits", "/openapi.json"))
    expect(usable(client.request("GET", target)), "a document is missing")
    for target in ("/metrics", "/v1/pools", "/livez"):
        expect(client.service.admin(target).status == 200, target)


# How often each is done.
GOOD = {round_trip: 40, foreign_frames: 8, transcode: 6, pipeline: 8, continues: 4, looks: 3}
