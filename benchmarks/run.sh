#!/bin/sh
# Builds and runs the benchmarks and prints a comparison. Duration: docs/benchmarks.md.
# Needs a JDK 17 or later and Maven. Writes the figures of every iteration to benchmarks/target/results as JSON.
# Usage: benchmarks/run.sh [quick]
set -eu
cd "$(dirname "$0")/.."
mvn -q -B -DskipTests -Dmaven.javadoc.skip -Dmaven.source.skip -pl benchmarks -am package
java -jar benchmarks/target/benchmarks.jar benchmarks/target/results "${1:-full}"
