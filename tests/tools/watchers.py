#!/usr/bin/env python3
"""Many watchers in one thread: watchers.py ADDRESS PORT TOKEN PATH COUNT SECONDS MARK

Opens COUNT watches of PATH by plain HTTP, prints "open" when each has its first byte, reads them for SECONDS, or until each has
seen the text MARK, and prints one line of JSON: how many were open at the end, how many saw MARK, and for how long the last of
them waited after the first ("spread_ms"), lines and bytes read. With MARK empty it reads until the time is over.
"""
import json
import selectors
import socket
import sys
import time

address, port, token, path, count, seconds, mark = sys.argv[1:8]
count, seconds, mark = int(count), float(seconds), mark.encode()
request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


class Watcher:
    def __init__(self, selector):
        self.socket = socket.create_connection((address, int(port)), timeout=60)
        self.socket.sendall(request)
        self.socket.setblocking(False)
        self.tail = b""
        self.first = self.seen = 0.0
        self.is_open = True
        self.lines = self.bytes = 0
        selector.register(self.socket, selectors.EVENT_READ, self)

    def read(self, selector):
        try:
            data = self.socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.is_open = False
            selector.unregister(self.socket)
            return
        now = time.monotonic()
        self.first = self.first or now
        self.lines += data.count(b"\n{") + data.startswith(b"{")
        self.bytes += len(data)
        if mark and not self.seen and mark in self.tail + data:
            self.seen = now
        self.tail = data[-len(mark):] if mark else b""


def main():
    selector = selectors.DefaultSelector()
    watchers = [Watcher(selector) for _ in range(count)]
    until = time.monotonic() + 120
    while any(w.is_open and not w.first for w in watchers) and time.monotonic() < until:
        for key, _ in selector.select(1):
            key.data.read(selector)
    print("open", sum(w.is_open and w.first > 0 for w in watchers), flush=True)
    until = time.monotonic() + seconds
    while time.monotonic() < until and not (mark and all(w.seen or not w.is_open for w in watchers)):
        for key, _ in selector.select(0.2):
            key.data.read(selector)
    seen = [w.seen for w in watchers if w.seen]
    print(json.dumps({
        "open": sum(w.is_open for w in watchers),
        "seen": len(seen),
        "last": max(seen, default=0),
        "spread_ms": round((max(seen) - min(seen)) * 1000, 1) if seen else None,
        "lines": sum(w.lines for w in watchers),
        "bytes": sum(w.bytes for w in watchers),
    }))


main()
