#!/bin/sh
# Builds the benchmarks, compares Hazelcast decisions with Bucket4j's on loopback, and prints the table of
# docs/benchmarks.md, which states the duration. Needs a JDK 17 or later and Maven.
# On one or two processors, Hazelcast starts a thread per response by default. That slows Bucket4j down many times and
# ours hardly. To exclude this effect, the script gives the common pool two threads. PARALLELISM= keeps the default.
# Usage: benchmarks/hazelcast.sh [quick]
set -eu
cd "$(dirname "$0")/.."
PARALLELISM=${PARALLELISM-2}
mvn -q -B -DskipTests -Dmaven.javadoc.skip -Dmaven.source.skip -pl benchmarks -am package >&2
java -Xms1g -Xmx1g -XX:+UseG1GC ${PARALLELISM:+-Djava.util.concurrent.ForkJoinPool.common.parallelism=$PARALLELISM} \
    -cp benchmarks/target/benchmarks.jar io.github.micronautratelimit.benchmarks.hazelcast.HazelcastComparison "${1:-full}"
