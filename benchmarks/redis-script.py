#!/usr/bin/env python3
"""Measures the time that decide.lua takes in the server, by the server's own statistics, without a client of ours.

Compares the script of the working copy with those of other revisions, and with a GET and a SET per key, alternately in
one run, so that other load affects all of them. Prints microseconds per decision: the lowest and the median of the
rounds. The lowest is the more reliable one on a busy machine. Needs git, python3, and redis-server on the path, which
the script starts on a free loopback port. About 2 minutes with two revisions.

Usage: benchmarks/redis-script.py [revision...]
"""
import math
import pathlib
import random
import socket
import subprocess
import sys
import time

# What a script with a state cannot beat: it reads and writes each key.
FLOOR = b"""
redis.call('TIME')
for _, key in ipairs(KEYS) do
  redis.call('GET', key)
  redis.call('SET', key, 'abcdefghijklmnopqrstuvwxyz', 'PX', '60000')
end
return ''
"""
ROOT = pathlib.Path(__file__).resolve().parent.parent
SCRIPT = "backend-redis/src/main/resources/io/github/micronautratelimit/redis/decide.lua"
KEYS = 10_000
DECISIONS = 2_400
ROUNDS = 15
MINUTE = 60_000_000
DAY = 86_400_000_000


class Server:
    """A Redis server without persistence, and one connection to it."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(["redis-server", *arguments], stdout=subprocess.DEVNULL)
        for _ in range(100):
            try:
                self.connection = socket.create_connection(("127.0.0.1", port))
                break
            except ConnectionRefusedError:
                time.sleep(0.1)
        self.replies = self.connection.makefile("rb")

    def call(self, *words):
        encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        message = b"*%d\r\n" % len(encoded)
        message += b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)
        self.connection.sendall(message)
        return self.reply()

    def reply(self):
        line = self.replies.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"$":
            return self.replies.read(int(rest) + 2)[:-2]
        return rest

    def script_micros(self):
        for line in self.call("INFO", "commandstats").decode().splitlines():
            if line.startswith("cmdstat_evalsha:"):
                return float(line.split("usec=")[1].split(",")[0])
        return 0.0


def number(value, size):
    return value.to_bytes(size, "big")


def width(value):
    return max(1, (value.bit_length() + 7) // 8)


def bucket(permits, period, burst):
    """Returns a token bucket as the header of the script describes it."""
    w, v = width(period), width(burst)
    layout = f">BI{w}I7I{v}I{w}".encode()
    return b"t" + number(permits, 5) + number(period, 6) + number(burst, 5) + number(math.gcd(permits, period), 6) \
        + number(128 + 5 * (w - 1) + v - 1, 1) + layout


def window(kind, permits, period):
    return kind + number(permits, 5) + number(period, 6)


LIMITS = {
    "token bucket, allowed": bucket(100, MINUTE, 10**9),
    "token bucket, denied": bucket(1, DAY, 1),
    "sliding window, allowed": window(b"s", 10**9, MINUTE),
    "sliding window, denied": window(b"s", 1, DAY),
    "fixed window, allowed": window(b"f", 10**9, MINUTE),
    "fixed window, denied": window(b"f", 1, DAY),
    "sliding window and token bucket": window(b"s", 10**9, MINUTE) + bucket(100, MINUTE, 10**9),
}


def calls(prefix, batch):
    """Returns key names and the first argument of calls for one permit of each key."""
    for _ in range(DECISIONS // batch):
        keys = random.sample(range(KEYS), batch)
        requests = (number(1, 2) + number(1, 2) + number(1, 5)) * batch
        yield [f"{prefix}:{key}" for key in keys], b"e" + number(0, 7) + requests


def main():
    scripts = {"working copy": (ROOT / SCRIPT).read_bytes()}
    for revision in sys.argv[1:]:
        scripts[revision] = subprocess.check_output(["git", "-C", ROOT, "show", f"{revision}:{SCRIPT}"])
    scripts["GET and SET"] = FLOOR
    server = Server()
    try:
        digests = {name: server.call("SCRIPT", "LOAD", text) for name, text in scripts.items()}
        print("| limit | keys per call | " + " | ".join(scripts) + " |")
        print("|---|---|" + "---|" * len(scripts))
        for limit, encoded in LIMITS.items():
            for batch in (1, 32):
                micros = {name: [] for name in scripts}
                for _ in range(ROUNDS):
                    for name, digest in digests.items():
                        server.call("CONFIG", "RESETSTAT")
                        count = 0
                        for keys, argument in calls(f"{name}:{limit}", batch):
                            server.call("EVALSHA", digest, batch, *keys, argument, encoded)
                            count += batch
                        micros[name].append(server.script_micros() / count)
                cells = [f"{min(each):.2f} ({sorted(each)[ROUNDS // 2]:.2f})" for each in micros.values()]
                print(f"| {limit} | {batch} | " + " | ".join(cells) + " |", flush=True)
                server.call("FLUSHALL")
    finally:
        server.process.kill()


main()
