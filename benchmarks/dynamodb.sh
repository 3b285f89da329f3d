#!/usr/bin/env bash
# Compares our DynamoDB backend with a read-and-swap limiter on DynamoDB Local: requests, units, decisions per second.
# Duration and results: docs/benchmarks.md.
set -euo pipefail
cd "$(dirname "$0")/.."
mvn -q -B -pl benchmarks/dynamodb -am -DskipTests package exec:exec
