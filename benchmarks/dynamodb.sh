#!/usr/bin/env bash
# Requests, units and decisions a second on DynamoDB Local, ours beside reading and swapping. About 3 minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
mvn -q -B -pl benchmarks/dynamodb -am -DskipTests package exec:exec
