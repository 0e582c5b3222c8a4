#!/usr/bin/env python3
"""Stands between tenantd and the Docker engine: engine_proxy.py LISTEN_SOCKET ENGINE_SOCKET LOG [SILENCE]

Writes one line "METHOD PATH" to LOG for each request. While a file SILENCE is there, a stream of events is opened and
nothing ever comes of it: every event is lost. Everything else passes as it is.
"""
import asyncio
import os
import sys

listen_path, engine_path, log_path = sys.argv[1:4]
silence_path = sys.argv[4] if len(sys.argv) > 4 else None
log = open(log_path, "a", buffering=1)


async def copy_bytes(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (ConnectionError, OSError):
        pass


async def copy_body(headers, reader, writer):
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while True:
            line = await reader.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            writer.write(line + await reader.readexactly(size + 2))
            await writer.drain()
            if size == 0:
                return
    left = int(headers.get("content-length", 0))
    while left:
        data = await reader.read(min(left, 65536))
        if not data:
            return
        left -= len(data)
        writer.write(data)
        await writer.drain()


async def serve(reader, writer):
    engine_reader, engine_writer = await asyncio.open_unix_connection(engine_path, limit=1 << 20)
    answers = asyncio.create_task(copy_bytes(engine_reader, writer))
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            method, path = lines[0].split(" ")[:2]
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
            log.write(f"{method} {path}\n")
            if "/events" in path and silence_path and os.path.exists(silence_path):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
                await writer.drain()
                await reader.read()
                return
            engine_writer.write(head)
            await engine_writer.drain()
            await copy_body(headers, reader, engine_writer)
    except (asyncio.IncompleteReadError, ConnectionError, OSError):
        pass
    finally:
        answers.cancel()
        engine_writer.close()
        writer.close()


async def main():
    server = await asyncio.start_unix_server(serve, listen_path, limit=1 << 20)
    os.chmod(listen_path, 0o600)
    async with server:
        await server.serve_forever()


asyncio.run(main())
