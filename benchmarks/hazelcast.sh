#!/bin/sh
# Builds the benchmarks, measures decisions kept in Hazelcast beside Bucket4j's, on loopback, and prints the table of
# docs/benchmarks.md: about 4 minutes, or half a minute with "quick". Needs a JDK 17 or later and Maven.
# On one or two processors Hazelcast starts a thread per answer unless told otherwise. That slows Bucket4j down many times
# and us hardly; so that it counts for nobody, the common pool is told to have two threads. PARALLELISM= leaves it as it is.
# Usage: benchmarks/hazelcast.sh [quick]
set -eu
cd "$(dirname "$0")/.."
PARALLELISM=${PARALLELISM-2}
mvn -q -B -DskipTests -Dmaven.javadoc.skip -Dmaven.source.skip -pl benchmarks -am package >&2
java -Xms1g -Xmx1g -XX:+UseG1GC ${PARALLELISM:+-Djava.util.concurrent.ForkJoinPool.common.parallelism=$PARALLELISM} \
    -cp benchmarks/target/benchmarks.jar io.github.micronautratelimit.benchmarks.hazelcast.HazelcastComparison "${1:-full}"
