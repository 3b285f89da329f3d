#!/bin/sh
# Measures what @RateLimit costs a whole Micronaut application: the same endpoint without and with it, under load over
# loopback. Needs a JDK 17 or later, Maven and wrk (on Debian: apt install wrk).
#   /plain    without annotation
#   /limited  @RateLimit("1000000000/h"), so that every request is counted and granted
#   /denied   @RateLimit("1/day"), so that every request but the first is answered 429
# One warm-up each, then five rounds of all three in turns, so that what disturbs the machine disturbs all: about 3 minutes. Prints the medians of requests per second and their ratio.
# Usage: benchmarks/whole-app.sh
set -eu
cd "$(dirname "$0")/.."

if ! command -v wrk >/dev/null; then
    echo "This needs wrk, which is not installed (on Debian: apt install wrk). Nothing was measured." >&2
    exit 2
fi

PORT=${PORT:-18431}
ROUNDS=${ROUNDS:-5}
SECONDS_EACH=${SECONDS_EACH:-10}
base=http://127.0.0.1:$PORT
out=$(mktemp -d)

mvn -q -B -DskipTests -Dmaven.javadoc.skip -Dmaven.source.skip -pl benchmarks -am package
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

# Loads one endpoint, checks that it answered as it should and prints its requests per second.
load() { # endpoint seconds
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
    awk '/^Requests\/sec:/ { print $2 }' "$out/wrk"
}

median() {
    sort -n "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

for endpoint in plain limited denied; do
    load $endpoint "$SECONDS_EACH" >"$out/warm-up"
done
for round in $(seq "$ROUNDS"); do
    for endpoint in plain limited denied; do
        load $endpoint "$SECONDS_EACH" >>"$out/$endpoint"
    done
    echo "round $round: plain $(tail -n 1 "$out/plain"), limited $(tail -n 1 "$out/limited")," \
        "denied $(tail -n 1 "$out/denied") requests/s"
done

plain=$(median "$out/plain")
limited=$(median "$out/limited")
echo
echo "| endpoint | requests/s | ratio to plain |"
echo "|---|---|---|"
echo "$plain $limited $(median "$out/denied")" | awk '{
    printf "| plain | %.0f | 1.000 |\n| limited | %.0f | %.3f |\n| denied (429) | %.0f | %.3f |\n", $1, $2, $2 / $1, $3, $3 / $1 }'
