#!/usr/bin/env python3
"""An HTTP proxy between an S3 client and its server that goes wrong when told to.

  s3_faults.py UPSTREAM_HOST:PORT      prints "PROXY=http://127.0.0.1:port", then serves until its standard input ends

Orders come by HTTP: POST /-/fault?do=WHAT&method=PUT&match=TEXT&count=N makes the next N requests of that method whose target contains TEXT fail:
  cut        the request is taken, and the connection closed without an answer; the server hears nothing
  lost       the server does it, and the connection closes without an answer
  half       the server's answer is closed in the middle of its body
  stall      the server hears nothing, and the connection stays silent
  500, 503   answered so with S3's InternalError, SlowDown; the server hears nothing
  flip       a bit of the request's body is turned on its way to the server
  wrong      a bit of the answer's body is turned on its way back
  forget     answered 200, and the server hears nothing
  login      answered 200 with a page of HTML
GET /-/count?method=&match= says how many such requests there were; POST /-/clear forgets faults and counts.
"""
import http.client
import socket
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

lock = threading.Lock()
faults = []
seen = []
upstream = sys.argv[1]


def error(code, message):
    return ("<Error><Code>%s</Code><Message>%s</Message></Error>" % (code, message)).encode()


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one piece: two would wait for each other's acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def take_fault(self):
        with lock:
            seen.append((self.command, self.path))
            for fault in faults:
                if fault["method"] in ("", self.command) and fault["match"] in self.path and fault["count"] > 0:
                    fault["count"] -= 1
                    return fault["do"]
        return None

    def order(self):
        url = urllib.parse.urlsplit(self.path)
        query = {name: values[0] for name, values in urllib.parse.parse_qs(url.query).items()}
        with lock:
            if url.path == "/-/fault":
                faults.append({"do": query["do"], "method": query.get("method", ""), "match": query.get("match", ""),
                               "count": int(query.get("count", "1"))})
            elif url.path == "/-/clear":
                faults.clear()
                seen.clear()
            count = sum(query.get("method", "") in ("", method) and query.get("match", "") in path for method, path in seen)
        self.answer(200, str(count).encode())

    def drop(self):
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def forward(self, body, fault):
        connection = http.client.HTTPConnection(upstream, timeout=120)
        try:
            if fault == "flip" and body:
                body = bytes([body[0] ^ 1]) + body[1:]
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body if body else None)
            self.give(connection.getresponse(), fault)
        except (OSError, http.client.HTTPException):
            self.drop()
        finally:
            connection.close()

    def give(self, response, fault):
        length = response.getheader("Content-Length")
        if fault == "lost":
            response.read()
            self.drop()
            return
        self.send_response_only(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("connection", "keep-alive", "transfer-encoding"):
                self.send_header(name, value)
        is_chunked = length is None and self.command != "HEAD" and response.status != 204
        if is_chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        body = b"" if self.command == "HEAD" else response.read()
        if fault == "half":
            body = body[:len(body) // 2]
        if fault == "wrong" and body:
            body = body[:-1] + bytes([body[-1] ^ 1])
        self.wfile.write(b"%x\r\n%s\r\n" % (len(body), body) if is_chunked and body else body)
        if fault != "half" and is_chunked:
            self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()
        if fault == "half":
            self.drop()

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/-/"):
            self.order()
            return
        fault = self.take_fault()
        if fault == "cut":
            self.drop()
        elif fault == "stall":
            time.sleep(30)
            self.drop()
        elif fault == "500":
            self.answer(500, error("InternalError", "by order"))
        elif fault == "503":
            self.answer(503, error("SlowDown", "by order"), [("Retry-After", "0")])
        elif fault == "forget":
            self.answer(200, b"", [("ETag", '"0123456789abcdef0123456789abcdef"')])
        elif fault == "login":
            self.answer(200, b"<html><body>please log in</body></html>")
        else:
            self.forward(body, fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):  # a client that hung up
        pass


server = Server(("127.0.0.1", 0), Proxy)
print("PROXY=http://127.0.0.1:%d" % server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
