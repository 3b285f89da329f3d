#!/bin/sh
# Measures the cost of @RateLimit in a whole Micronaut application: one endpoint without it and two with it, under load
# over loopback. Needs Linux, a JDK 17 or later, Maven and wrk (on Debian: apt install wrk).
#   /plain    without annotation
#   /limited  @RateLimit("1000000000/h"): every request is counted and granted
#   /denied   @RateLimit("1/day"): every request but the first is rejected with 429
# After a warm-up, each round loads all three endpoints in turn, so that a disturbance affects all of them. Prints
# medians: requests per second, the server's CPU time per request, and the ratios of the CPU time in each round. The
# ratios are more reliable than throughput, because wrk and other processes share the machine. About 2 minutes.
# Usage: benchmarks/whole-app.sh
set -eu
cd "$(dirname "$0")/.."

if ! command -v wrk >/dev/null; then
    echo "wrk is not installed. Install it (on Debian: apt install wrk). Nothing was measured." >&2
    exit 2
fi

PORT=${PORT:-18431}
ROUNDS=${ROUNDS:-15}
SECONDS_EACH=${SECONDS_EACH:-2}
base=http://127.0.0.1:$PORT
out=$(mktemp -d)

[ -n "${SKIP_BUILD:-}" ] || mvn -q -B -DskipTests -Dmaven.javadoc.skip -Dmaven.source.skip -pl benchmarks -am package
java -Xms512m -Xmx512m -cp benchmarks/target/benchmarks.jar io.github.micronautratelimit.benchmarks.WholeApp "$PORT" &
app=$!
trap 'kill $app 2>/dev/null || true; rm -rf "$out"' EXIT
tries=0
until wrk -t1 -c1 -d1s "$base/plain" >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ $tries -gt 20 ] || ! kill -0 $app 2>/dev/null; then
        echo "The application did not start on port $PORT; set PORT to a free one." >&2
        exit 1
    fi
    sleep 1
done

# Prints the CPU time that the server has used, in microseconds.
used() {
    awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); printf "%.0f", ($12 + $13) * 1000000 / tick }' /proc/$app/stat
}

# Loads one endpoint, checks its responses, and prints requests per second and CPU microseconds per request.
load() { # endpoint seconds
    before=$(used)
    wrk -t2 -c64 -d"$2"s "$base/$1" >"$out/wrk" || { cat "$out/wrk" >&2; exit 1; }
    rejected=$(awk '/Non-2xx/ { n = $NF } END { print n + 0 }' "$out/wrk")
    answered=$(awk '/requests in/ { print $1 }' "$out/wrk")
    case $1 in
        denied) expected=$((rejected > 0 && rejected >= answered - 1)) ;;
        *) expected=$((rejected == 0 && answered > 0)) ;;
    esac
    if [ "$expected" = 0 ]; then
        echo "/$1 returned an unexpected status: $rejected of $answered responses had an error status." >&2
        exit 1
    fi
    awk -v spent="$(($(used) - before))" -v answered="$answered" '/^Requests\/sec:/ { print $2, spent / answered }' "$out/wrk"
}

median() { # file column
    awk -v c="$2" '{ print $c }' "$1" | sort -n |
        awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

for round in 1 2; do
    for endpoint in plain limited denied; do
        load $endpoint 4 >"$out/warm-up"
    done
done
for round in $(seq "$ROUNDS"); do
    for endpoint in plain limited denied; do
        load $endpoint "$SECONDS_EACH" >>"$out/$endpoint"
    done
done
for endpoint in plain limited denied; do
    paste -d ' ' "$out/$endpoint" "$out/plain" "$out/limited" | awk '{ print $1, $2, $2 / $4, $2 / $6 }' >"$out/$endpoint.ratios"
done

echo "| endpoint | requests/s | CPU time per request | to plain | to limited |"
echo "|---|---|---|---|---|"
for endpoint in plain limited denied; do
    echo "$endpoint $(for column in 1 2 3 4; do median "$out/$endpoint.ratios" $column; done | tr '\n' ' ')" |
        awk '{ printf "| %s | %.0f | %.2f µs | %.3f | %.3f |\n", $1, $2, $3, $4, $5 }'
done
