#!/bin/sh
# Sends granted and denied requests over HTTP/1.1 (wrk) and HTTP/2 without TLS (h2load). Prints the process's threads
# and its live heap after a collection, before and after the load. Needs a JDK 17 or later, Maven, wrk and h2load
# (on Debian: apt install wrk nghttp2-client). Duration: docs/benchmarks.md.
# Usage: benchmarks/http-load.sh
set -eu
cd "$(dirname "$0")/.."

for tool in wrk h2load; do
    if ! command -v $tool >/dev/null; then
        echo "$tool is not installed. Install it (on Debian: apt install wrk nghttp2-client). Nothing was measured." >&2
        exit 2
    fi
done
PORT=${PORT:-18432}
SECONDS_EACH=${SECONDS_EACH:-8}
base=http://127.0.0.1:$PORT
[ -n "${SKIP_BUILD:-}" ] || mvn -q -B -DskipTests -Dmaven.javadoc.skip -Dmaven.source.skip -pl benchmarks -am package
app=
trap '[ -z "$app" ] || kill $app 2>/dev/null || true' EXIT

start() { # HTTP version
    java -Xms512m -Xmx512m -cp benchmarks/target/benchmarks.jar io.github.micronautratelimit.benchmarks.WholeApp \
        "$PORT" "$1" >/dev/null &
    app=$!
    tries=0
    until curl -s -o /dev/null "$base/plain"; do
        tries=$((tries + 1))
        if [ $tries -gt 40 ] || ! kill -0 $app 2>/dev/null; then
            echo "The application did not start on port $PORT; set PORT to a free one." >&2
            exit 1
        fi
        sleep 0.5
    done
}

stop() {
    kill $app
    wait $app 2>/dev/null || true
    app=
}

state() {
    live=$(jcmd $app GC.class_histogram | awk '/^Total/ { print $3 }')
    echo "$(ls /proc/$app/task | wc -l) threads, $((live / 1024)) KB live"
}

load() { # version endpoint
    if [ "$1" = 1.1 ]; then
        wrk -t2 -c64 -d"$SECONDS_EACH"s "$base/$2" | awk '/^Requests\/sec:/ { print $2 }'
    else
        h2load -t2 -c8 -m8 -D"$SECONDS_EACH" "$base/$2" | awk '/^finished in/ { print $4 }'
    fi
}

for version in 1.1 2.0; do
    start $version
    for endpoint in plain limited denied; do
        load $version $endpoint >/dev/null
    done
    echo "HTTP/$version, warm:  $(state)"
    for endpoint in plain limited denied plain limited denied; do
        echo "HTTP/$version, $endpoint: $(load $version $endpoint) requests/s"
    done
    echo "HTTP/$version, after: $(state)"
    stop
done
