#!/bin/sh
# Builds the benchmarks, measures the choice of a case, and prints the time of one choice: about a minute. Needs a JDK 17
# or later and Maven.
# Usage: benchmarks/cases.sh
set -eu
cd "$(dirname "$0")/.."
mvn -q -B -DskipTests -Dmaven.javadoc.skip -Dmaven.source.skip -pl benchmarks -am package
java -cp benchmarks/target/benchmarks.jar io.github.micronautratelimit.benchmarks.Cases
