#!/bin/sh
# Builds the benchmarks, measures decisions kept in Redis beside the server's own counter and beside peers, and prints the
# tables of docs/benchmarks.md: about 7 minutes, or 2 with "quick".
# Needs a JDK 17 or later, Maven, and redis-server on the path, which is started on a free loopback port; or, instead of
# that, an empty database: REDIS_URI=redis://host:port benchmarks/redis.sh
# Usage: benchmarks/redis.sh [quick]
set -eu
cd "$(dirname "$0")/.."
mvn -q -B -DskipTests -Dmaven.javadoc.skip -Dmaven.source.skip -pl benchmarks -am package >&2
java -Xms1g -Xmx1g -XX:+UseG1GC -Dratelimit.redis.uri="${REDIS_URI:-}" -cp benchmarks/target/benchmarks.jar \
    io.github.micronautratelimit.benchmarks.redis.RedisComparison "${1:-full}"
