#!/bin/sh
# Builds the benchmarks, measures calls that may wait while their permits are free, and prints the time of one call:
# about three minutes. Needs a JDK 17 or later and Maven.
# Usage: benchmarks/waiting.sh
set -eu
cd "$(dirname "$0")/.."
mvn -q -B -DskipTests -Dmaven.javadoc.skip -Dmaven.source.skip -pl benchmarks -am package
java -cp benchmarks/target/benchmarks.jar io.github.micronautratelimit.benchmarks.Waiting
