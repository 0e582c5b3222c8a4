#!/usr/bin/env python3
"""Starts at once, without a look at anything, each container whose name begins with PREFIX when it has died: what a restart costs at least.

  starter.py SOCKET PREFIX      prints "listening", then works until it is ended
"""
import http.client
import json
import socket
import sys

path, prefix = sys.argv[1:]


def connect():
    connection = http.client.HTTPConnection("docker")
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.connect(path)
    return connection


calls = connect()
events = connect()
events.request("GET", "/v1.41/events?filters=%7B%22event%22%3A%5B%22die%22%5D%7D")
stream = events.getresponse()
print("listening", flush=True)
while line := stream.readline():
    name = json.loads(line)["Actor"]["Attributes"]["name"]
    if name.startswith(prefix):
        calls.request("POST", "/v1.41/containers/%s/start" % name)
        calls.getresponse().read()
