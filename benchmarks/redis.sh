#!/bin/sh
# Builds the benchmarks, compares Redis decisions with the server's own counter and with peers, and prints the tables of
# docs/benchmarks.md, which states the duration.
# Needs a JDK 17 or later, Maven, and redis-server on the path. The script starts it on a free loopback port. To use an
# empty database instead: REDIS_URI=redis://host:port benchmarks/redis.sh
# Usage: benchmarks/redis.sh [quick]
set -eu
cd "$(dirname "$0")/.."
mvn -q -B -DskipTests -Dmaven.javadoc.skip -Dmaven.source.skip -pl benchmarks -am package >&2
java -Xms1g -Xmx1g -XX:+UseG1GC -Dratelimit.redis.uri="${REDIS_URI:-}" -cp benchmarks/target/benchmarks.jar \
    io.github.micronautratelimit.benchmarks.redis.RedisComparison "${1:-full}"
