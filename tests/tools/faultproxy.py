#!/usr/bin/env python3
"""A proxy that does wrong what a network, an engine or a database server can do wrong.

It stands between tenantd and Docker's socket, and between tenantd and PostgreSQL, knows each call by name (the list is printed
by the code under test), counts them, and lets one fault happen to one call:

  cut     the connection ends before the call is forwarded
  stall   the call is never answered
  delay   the call is forwarded late
  drop    the call is forwarded and done, and its answer is never seen
  error   the call is not forwarded, and answered with an error

Commands, one a line, on the control socket; each is answered with one line:

  arm NAME FAULT   the next call of that name that is not yet meant by another fault; of several, each second call
  armed            faults that have not happened yet
  away docker|postgres cut|stall, back docker|postgres    every connection of the one
  counts           calls by name, as JSON       strangers   calls that the list does not have
  clear            counts and faults begin anew
"""
import argparse
import asyncio
import collections
import json
import re
import struct

DELAY_S = 1.5


class Faults:
    def __init__(self, path):
        self.docker, self.server, self.store = [], [], set()
        self.counts = collections.Counter()
        self.armed = collections.defaultdict(collections.deque)
        self.rest = collections.Counter()  # calls of that name that are let through before the next fault
        self.strangers = set()
        self.away = {}
        self.open = {"docker": set(), "postgres": set()}
        for line in open(path, encoding="utf-8"):
            kind, name, how = line.rstrip("\n").split("\t")
            if kind == "docker":
                method, pattern = how.split(" ")
                pattern = re.escape(pattern).replace(r"\*", "[^/?]+")
                self.docker.append((method, re.compile(r"(?:/v[0-9.]+)?" + pattern + r"(?:\?.*)?$"), "docker:" + name))
            elif kind == "server":
                self.server.append((how, "server:" + name))
            else:
                self.store.add(name)

    def name_of_request(self, method, path):
        for known, pattern, name in self.docker:
            if known == method and pattern.match(path):
                return name
        self.strangers.add(f"{method} {path}")
        return "docker:other"

    def name_of_sql(self, text):
        for begins, name in self.server:
            if text.startswith(begins):
                return name
        if text in ("begin", "commit", "rollback"):
            return "store:" + text
        if "prepare record_find" in text:
            return "store:prepare"
        self.strangers.add(text[:120])
        return "server:other"

    def name_of_prepared(self, name):
        if name not in self.store:
            self.strangers.add("execute " + name)
        return "store:" + name

    def happen(self, name):
        """Counts a call; the fault that happens to it, or None."""
        self.counts[name] += 1
        waiting = self.armed.get(name)
        if not waiting:
            return None
        if self.rest[name] > 0:
            self.rest[name] -= 1
            return None
        self.rest[name] = 1
        return waiting.popleft()


class Cut(Exception):
    pass


async def until_gone(reader):
    while await reader.read(65536):
        pass


async def pump(reader, writer):
    while True:
        data = await reader.read(65536)
        if not data:
            return
        writer.write(data)
        await writer.drain()


async def relay(kind, faults, client, connect, talk):
    """One connection of a client, with one of its own to the target."""
    reader, writer = client
    faults.open[kind].add(writer)
    upstream = None
    try:
        away = faults.away.get(kind)
        faults.counts[kind + ":connections"] += 1
        if away == "stall":
            await until_gone(reader)
        if away:
            return
        upstream = await connect()
        await talk(faults, reader, writer, *upstream)
    except (Cut, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass
    finally:
        faults.open[kind].discard(writer)
        for each in (writer, upstream[1] if upstream else None):
            if each:
                each.close()


# ---- HTTP to the engine ----


async def read_request(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:] if line)}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while True:
            line = await reader.readline()
            size = int(line.split(b";")[0], 16)
            body += line + await reader.readexactly(size + 2)
            if size == 0:
                break
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    # What was asked to be confirmed has come.
    head = re.sub(rb"(?im)^expect:.*\r\n", b"", head)
    return method, path, head + body


async def talk_http(faults, reader, writer, up_reader, up_writer):
    answers = {"drop": False}

    async def back():
        while True:
            data = await up_reader.read(65536)
            if not data or answers["drop"]:
                raise Cut
            writer.write(data)
            await writer.drain()

    async def forth():
        while True:
            method, path, request = await read_request(reader)
            if faults.away.get("docker"):
                raise Cut
            fault = faults.happen(faults.name_of_request(method, path))
            if fault == "cut":
                raise Cut
            if fault == "stall":
                await until_gone(reader)
                raise Cut
            if fault == "delay":
                await asyncio.sleep(DELAY_S)
            if fault == "error":
                body = b'{"message":"the fault proxy says no"}'
                writer.write(b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"
                             b"Content-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
                continue
            answers["drop"] = fault == "drop"
            up_writer.write(request)
            await up_writer.drain()

    await first_of(back(), forth())


async def first_of(*coroutines):
    tasks = [asyncio.ensure_future(each) for each in coroutines]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.exception()


# ---- PostgreSQL's protocol ----

STARTUP = 196608


async def read_startup(reader, up_reader, up_writer, writer):
    """Forwards what comes before the first typed message. False: it was a request to cancel."""
    while True:
        head = await reader.readexactly(8)
        length, code = struct.unpack("!II", head)
        up_writer.write(head + await reader.readexactly(length - 8))
        await up_writer.drain()
        if code == STARTUP:
            return True
        if code not in (80877103, 80877104):  # SSL, GSS: refused with one byte
            return False
        writer.write(await up_reader.readexactly(1))
        await writer.drain()


def cstring(data, at):
    end = data.index(b"\0", at)
    return data[at:end].decode("utf-8", "replace"), end + 1


def name_of_message(faults, kind, body):
    if kind == b"Q":
        return faults.name_of_sql(cstring(body, 0)[0])
    if kind == b"P":
        name, at = cstring(body, 0)
        return faults.name_of_sql(cstring(body, at)[0]) if not name else None
    if kind == b"B":
        _, at = cstring(body, 0)
        statement, _ = cstring(body, at)
        return faults.name_of_prepared(statement) if statement else None
    return None


def error_message(status):
    fields = b"SERROR\0VERROR\0CXX000\0Mthe fault proxy says no\0\0"
    return b"E" + struct.pack("!I", len(fields) + 4) + fields + b"Z" + struct.pack("!I", 5) + status


async def talk_postgres(faults, reader, writer, up_reader, up_writer):
    state = {"status": b"I", "drop": False}
    if not await read_startup(reader, up_reader, up_writer, writer):
        await first_of(pump(up_reader, writer), until_gone(reader))
        return

    async def back():
        while True:
            head = await up_reader.readexactly(5)
            body = await up_reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)
            if head[:1] == b"Z":
                state["status"] = body
                if state["drop"]:
                    raise Cut
            if state["drop"]:
                continue
            writer.write(head + body)
            await writer.drain()

    async def forth():
        refuses = False  # until the end of an extended query
        while True:
            head = await reader.readexactly(5)
            kind, length = head[:1], struct.unpack("!I", head[1:])[0]
            body = await reader.readexactly(length - 4)
            if refuses:
                if kind == b"S":
                    refuses = False
                    writer.write(error_message(b"E" if state["status"] != b"I" else b"I"))
                    await writer.drain()
                continue
            name = name_of_message(faults, kind, body)
            fault = faults.happen(name) if name else None
            if fault == "cut":
                raise Cut
            if fault == "stall":
                await until_gone(reader)
                raise Cut
            if fault == "delay":
                await asyncio.sleep(DELAY_S)
            if fault == "error" and kind == b"Q":
                writer.write(error_message(b"E" if state["status"] != b"I" else b"I"))
                await writer.drain()
                continue
            if fault == "error":
                refuses = True
                continue
            if fault == "drop":
                state["drop"] = True
            up_writer.write(head + body)
            await up_writer.drain()

    await first_of(back(), forth())


async def through(reader, writer, port):
    """Containers, which are not under test."""
    try:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
        await first_of(pump(reader, up_writer), pump(up_reader, writer))
        up_writer.close()
    except OSError:
        pass
    writer.close()


# ---- control ----


def command(faults, words):
    if words[0] == "arm":
        faults.armed[words[1]].append(words[2])
        return "ok"
    if words[0] == "armed":
        return " ".join(f"{name}/{fault}" for name, left in sorted(faults.armed.items()) for fault in left)
    if words[0] == "away":
        faults.away[words[1]] = words[2]
        if words[2] == "cut":
            for writer in list(faults.open[words[1]]):
                writer.transport.abort()
        return "ok"
    if words[0] == "back":
        faults.away.pop(words[1], None)
        for writer in list(faults.open[words[1]]):
            writer.transport.abort()
        return "ok"
    if words[0] == "counts":
        return json.dumps(faults.counts)
    if words[0] == "strangers":
        return " | ".join(sorted(faults.strangers))
    if words[0] == "clear":
        faults.counts.clear()
        faults.armed.clear()
        faults.rest.clear()
        faults.strangers.clear()
        return "ok"
    return "unknown command"


async def main():
    parser = argparse.ArgumentParser()
    for name in ("calls", "control", "docker-listen", "docker-target", "postgres-listen", "postgres-target", "bridge"):
        parser.add_argument("--" + name, required=True)
    options = parser.parse_args()
    faults = Faults(options.calls)

    def docker(reader, writer):
        return relay("docker", faults, (reader, writer),
                     lambda: asyncio.open_unix_connection(options.docker_target), talk_http)

    def postgres(reader, writer):
        if writer.get_extra_info("peername")[0] != "127.0.0.1":
            return through(reader, writer, int(options.postgres_target))
        return relay("postgres", faults, (reader, writer),
                     lambda: asyncio.open_connection("127.0.0.1", int(options.postgres_target)), talk_postgres)

    async def control(reader, writer):
        while line := await reader.readline():
            writer.write((command(faults, line.decode().split()) + "\n").encode())
            await writer.drain()
        writer.close()

    await asyncio.start_unix_server(docker, options.docker_listen)
    await asyncio.start_server(postgres, ["127.0.0.1", options.bridge], int(options.postgres_listen))
    await asyncio.start_unix_server(control, options.control)
    await asyncio.Event().wait()


asyncio.run(main())
