#!/bin/sh
# Measures what @RateLimit costs a whole Micronaut application: the same endpoint without and with it, under load over
# loopback. Needs a JDK 17 or later, Maven and wrk (on Debian: apt install wrk).
#   /plain    without annotation
#   /limited  @RateLimit("1000000000/h"), so that every request is counted and granted
#   /denied   @RateLimit("1/day"), so that every request but the first is answered 429
# One warm-up each, then rounds of all three in turns, so that what disturbs the machine disturbs all: about 2 minutes. Prints
# medians: requests per second, the processor time of the server for a request, and of each round's ratio of that time, since
# throughput depends on who else uses the machine, and wrk does. Linux.
# Usage: benchmarks/whole-app.sh
set -eu
cd "$(dirname "$0")/.."

if ! command -v wrk >/dev/null; then
    echo "This needs wrk, which is not installed (on Debian: apt install wrk). Nothing was measured." >&2
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

# The processor time the server has used, in microseconds.
used() {
    awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); printf "%.0f", ($12 + $13) * 1000000 / tick }' /proc/$app/stat
}

# Loads one endpoint, checks that it answered as it should and prints its requests per second and microseconds per request.
load() { # endpoint seconds
    before=$(used)
    wrk -t2 -c64 -d"$2"s "$base/$1" >"$out/wrk" || { cat "$out/wrk" >&2; exit 1; }
    refused=$(awk '/Non-2xx/ { n = $NF } END { print n + 0 }' "$out/wrk")
    answered=$(awk '/requests in/ { print $1 }' "$out/wrk")
    case $1 in
        denied) expected=$((refused > 0 && refused >= answered - 1)) ;;
        *) expected=$((refused == 0 && answered > 0)) ;;
    esac
    if [ "$expected" = 0 ]; then
        echo "/$1 answered $refused of $answered requests with an error status, which it should not." >&2
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

echo "| endpoint | requests/s | processor time per request | to plain | to limited |"
echo "|---|---|---|---|---|"
for endpoint in plain limited denied; do
    echo "$endpoint $(for column in 1 2 3 4; do median "$out/$endpoint.ratios" $column; done | tr '\n' ' ')" |
        awk '{ printf "| %s | %.0f | %.2f µs | %.3f | %.3f |\n", $1, $2, $3, $4, $5 }'
done
