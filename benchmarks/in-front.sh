#!/bin/sh
# Builds the benchmarks, measures the layers in front of a store, and prints the tables of docs/benchmarks.md: about 6
# minutes, or 3 with "quick". Needs a JDK 17 or later and Maven.
# Usage: benchmarks/in-front.sh [quick]
set -eu
cd "$(dirname "$0")/.."
mvn -q -B -DskipTests -Dmaven.javadoc.skip -Dmaven.source.skip -pl benchmarks -am package
java -cp benchmarks/target/benchmarks.jar io.github.micronautratelimit.benchmarks.LayersComparison "${1:-full}"
