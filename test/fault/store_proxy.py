#!/usr/bin/env python3
"""A proxy in front of an S3 server that spoils the answers to GETs of chunks, and nothing else.

store_proxy.py --to HOST:PORT [--port N] [--seed N] [--bad SHARE] [--slow SHARE --slow-by TIME] [--delay TIME]

Prints its address once it listens, and on SIGTERM, as JSON, what it did; "peak" and "mean" are how many requests for
chunks were open at one time, the mean over the time in which some were. TIME is like 30ms or 10s. Requests are
passed on byte for byte, the Host header too: it is signed.

--bad    so many replies are bad: half of them 503, the rest in equal parts reset in the middle, truncated,
         bit-flipped, another chunk's, 200 with an error document
--slow   so many wait for --slow-by before they are passed on
--delay  every request waits for as long, as if the server was far away

What becomes of a request hangs on the seed, the key and how often the key was asked for before, and on nothing
that threads decide: one seed replays a run.
"""
import argparse
import hashlib
import http.client
import json
import random
import re
import signal
import socket
import sys
import threading
import time
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CHUNK = re.compile(r"/chunks/[0-9a-f]{2}/[0-9a-f]{64}$")
FAULTS = ("reset", "truncated", "flipped", "other", "document")
BODY_LIMIT = 64 << 20


def seconds(text):
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text} is no time like 30ms or 10s")
    return float(match[1]) / (1000 if match[2] == "ms" else 1)


class Fate:
    """What is done to one request."""

    def __init__(self, options, key, turn):
        text = f"{options.seed} {key} {turn}".encode()
        self.random = random.Random(hashlib.sha256(text).digest())
        self.bad = None
        if self.random.random() < options.bad:
            self.bad = "503" if self.random.random() < 0.5 else self.random.choice(FAULTS)
        self.slow = self.random.random() < options.slow


class Proxy(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, options):
        super().__init__(("127.0.0.1", options.port), Handler)
        self.options = options
        self.lock = threading.Lock()
        self.turns = defaultdict(int)  # of each key; guarded by lock, like all below
        self.counts = Counter()
        self.open = 0
        self.changed = time.monotonic()
        self.busy = self.request_time = 0
        self.last_body = b""

    def fate_of(self, key):
        with self.lock:
            turn = self.turns[key]
            self.turns[key] += 1
            fate = Fate(self.options, key, turn)
            self.counts["requests"] += 1
            self.counts["chunks"] = len(self.turns)
            if fate.bad:
                self.counts["bad"] += 1
                self.counts[fate.bad] += 1
            if fate.slow:
                self.counts["slow"] += 1
            return fate

    def opened(self, change):
        with self.lock:
            now = time.monotonic()
            if self.open:
                self.busy += now - self.changed
                self.request_time += self.open * (now - self.changed)
                self.counts["mean"] = round(self.request_time / self.busy, 1)
            self.changed = now
            self.open += change
            self.counts["peak"] = max(self.counts["peak"], self.open)

    def another_body(self, body):
        """Remembers a chunk's bytes and gives those of one before it."""
        with self.lock:
            other, self.last_body = self.last_body, body
        return other if other != body else bytes(len(body))

    def handle_error(self, request, client_address):
        pass  # a client that has gone


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream = None

    def log_message(self, *_):
        pass

    def finish(self):
        super().finish()
        if self.upstream:
            self.upstream.close()

    def ask(self):
        """The server's answer and its body; over a connection of this client's own."""
        length = min(int(self.headers.get("Content-Length") or 0), BODY_LIMIT)
        body = self.rfile.read(length) if length else None
        for fresh in (False, True):
            if fresh or not self.upstream:
                self.upstream = http.client.HTTPConnection(self.server.options.to, timeout=120)
            try:
                self.upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() != "connection":
                        self.upstream.putheader(name, value)
                self.upstream.endheaders(body)
                answer = self.upstream.getresponse()
                return answer, answer.read()
            except (OSError, http.client.HTTPException):
                self.upstream.close()
        return None, b""

    def reply(self, status, headers, body, length=None):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def pass_on(self):
        path = self.path.split("?")[0]
        if self.command != "GET" or not CHUNK.search(path):
            return self.answer(None)
        self.server.opened(1)
        try:
            return self.answer(self.server.fate_of(path))
        finally:
            self.server.opened(-1)

    def answer(self, fate):
        options = self.server.options
        time.sleep(options.delay + (options.slow_by if fate and fate.slow else 0))
        if fate and fate.bad == "503":
            return self.reply(503, [("Content-Type", "application/xml")], error_document("SlowDown", fate))
        answer, body = self.ask()
        if answer is None:
            return self.reset()
        headers = answer.getheaders()
        if self.command == "HEAD":
            return self.reply(answer.status, headers, b"", answer.getheader("Content-Length") or 0)
        other = self.server.another_body(body) if fate and answer.status == 200 else b""
        if fate and fate.bad and answer.status == 200:
            return self.spoil(fate, headers, body, other)
        return self.reply(answer.status, headers, body)

    def spoil(self, fate, headers, body, other):
        at = fate.random.randrange(max(1, len(body)))
        if fate.bad == "reset":
            self.reply(200, headers, body[:at], len(body))
            return self.reset()
        if fate.bad == "truncated":
            body = body[:at]
        elif fate.bad == "flipped":
            body = body[:at] + bytes([body[at] ^ 1 << at % 8]) + body[at + 1:]
        elif fate.bad == "other":
            body = other
        else:
            headers = [("Content-Type", "application/xml")]
            body = error_document("InternalError", fate)
        return self.reply(200, headers, body)

    def reset(self):
        """Ends the connection with a RST."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close_connection = True
        self.connection.close()

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = pass_on


def error_document(code, fate):
    return (f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code>'
            f"<RequestId>{fate.random.getrandbits(64):016x}</RequestId></Error>").encode()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bad", type=float, default=0)
    parser.add_argument("--slow", type=float, default=0)
    parser.add_argument("--slow-by", type=seconds, default=10)
    parser.add_argument("--delay", type=seconds, default=0)
    proxy = Proxy(parser.parse_args())

    def stop(*_):
        threading.Thread(target=proxy.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    print(f"http://127.0.0.1:{proxy.server_address[1]}", flush=True)
    proxy.serve_forever(poll_interval=0.1)
    with proxy.lock:
        print(json.dumps(proxy.counts), flush=True)


if __name__ == "__main__":
    sys.exit(main())
