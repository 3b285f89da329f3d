#!/usr/bin/env bash
# Compares our DynamoDB backend with a read-and-swap limiter on DynamoDB Local: requests, units, decisions per second.
# Usage: benchmarks/dynamodb.sh [MILLISECONDS_PER_ROW] [PART_OF_THE_ROWS], for example: 5000 '| 10000 | 4 |'
# Duration and results: docs/benchmarks.md.
set -euo pipefail
cd "$(dirname "$0")/.."
mvn -q -B -pl benchmarks/dynamodb -am -DskipTests \
  -Drows.millis="${1:-5000}" -Drows.containing="${2:-|}" package exec:exec
