#!/bin/sh
# Builds the benchmarks, runs them and prints how they compare: about 12 minutes, or 3 with "quick".
# Needs a JDK 17 or later and Maven. The numbers of every iteration are left in benchmarks/target/results as JSON.
# Usage: benchmarks/run.sh [quick]
set -eu
cd "$(dirname "$0")/.."
mvn -q -B -DskipTests -Dmaven.javadoc.skip -Dmaven.source.skip -pl benchmarks -am package
java -jar benchmarks/target/benchmarks.jar benchmarks/target/results "${1:-full}"
