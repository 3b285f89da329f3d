#!/usr/bin/env python3
"""Measures what micronaut-ratelimit adds to the start of an application with one route.

Compiles the application without and with @RateLimit on its route, and starts both in turn, so that other load affects
both. The second has the jars of micronaut-ratelimit on its class path, and its limits in memory. Prints the time that
the application itself logs, the processor time until then, and the classes that were loaded. Needs a JDK 17 or later,
Maven and python3. About 2 minutes.

Usage: benchmarks/start-up.py [starts]
"""
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = """
package app;

import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.runtime.Micronaut;

public class Application {
    public static void main(String[] arguments) {
        Micronaut.run(Application.class, arguments);
    }

    @Controller("/hello")
    public static class Hello {
        @Get
        LIMIT
        String hello() {
            return "Hello";
        }
    }
}
"""
LOGGING = """
<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
"""
# What the example application has beyond a server; and what comes with micronaut-ratelimit.
UNUSED = re.compile(r"selenium|junit|jqwik|tck|opentelemetry|micrometer|prometheus|redis|lettuce|security|management|"
                    r"byte-buddy|guava|micronaut-test|websocket|http-client|commons-exec|opentest|apiguardian")
OURS = re.compile(r"ratelimit|resilience4j|caffeine|ipaddress|LatencyUtils|HdrHistogram")


def maven(*arguments):
    subprocess.run(["mvn", "-q", "-B", *arguments], cwd=ROOT, check=True, stdout=sys.stderr)


def class_path(folder):
    listing = folder / "class-path"
    maven("-DskipTests", "-DskipChecks", "-Dmaven.javadoc.skip", "-Dmaven.source.skip", "-pl", "examples/quickstart",
          "-am", "package", "dependency:build-classpath", f"-Dmdep.outputFile={listing}",
          "-Dmdep.includeScope=runtime")
    jars = [jar for jar in listing.read_text().strip().split(os.pathsep)
            if not UNUSED.search(jar[len(str(ROOT)):] if jar.startswith(str(ROOT)) else pathlib.Path(jar).name)]
    return jars, [jar for jar in jars if not OURS.search(pathlib.Path(jar).name)]


def processors(folder, jars):
    version = next(re.search(r"micronaut-inject-(\d.*)\.jar", jar).group(1) for jar in jars
                   if re.search(r"micronaut-inject-\d", jar))
    pom = folder / "pom.xml"
    pom.write_text(f"""<project><modelVersion>4.0.0</modelVersion><groupId>app</groupId><artifactId>app</artifactId>
        <version>1</version><dependencies><dependency><groupId>io.micronaut</groupId>
        <artifactId>micronaut-inject-java</artifactId><version>{version}</version></dependency></dependencies></project>
        """)
    listing = folder / "processors"
    maven("-f", str(pom), "dependency:build-classpath", f"-Dmdep.outputFile={listing}")
    return listing.read_text().strip().split(os.pathsep)


def compiled(folder, name, limit, jars, processor_path):
    out = folder / name
    source = out / "Application.java"
    out.mkdir()
    source.write_text(SOURCE.replace("LIMIT", limit))
    (out / "logback.xml").write_text(LOGGING)
    subprocess.run(["javac", "-cp", os.pathsep.join(jars), "-processorpath", os.pathsep.join(processor_path + jars),
                    "-d", str(out), str(source)], check=True, stderr=subprocess.DEVNULL)
    return os.pathsep.join([str(out), *jars])


def start(path, *options):
    """Returns milliseconds until the application has started, and of processor time."""
    process = subprocess.Popen(["java", "-Dmicronaut.server.port=-1", *options, "-cp", path, "app.Application"],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for line in process.stdout:
            started = re.search(r"Startup completed in (\d+)ms", line)
            if started:
                fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
                ticks = int(fields[11]) + int(fields[12])
                return int(started.group(1)), ticks * 1000 / os.sysconf("SC_CLK_TCK")
        raise RuntimeError("The application did not start.")
    finally:
        process.kill()
        process.wait()


def main():
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        with_ours, without = class_path(folder)
        path = processors(folder, without)
        applications = {
            "without": compiled(folder, "plain", "", without, path),
            "with": compiled(folder, "limited", '@io.github.micronautratelimit.annotation.RateLimit("1000/min")',
                             with_ours, path)}
        results = {name: [] for name in applications}
        for _ in range(starts):
            for name, application in applications.items():
                results[name].append(start(application))
        print("| micronaut-ratelimit | start, ms: median (lowest) | processor time, ms: median (lowest) | classes |")
        print("|---|---|---|---|")
        for name, application in applications.items():
            loaded = folder / "loaded"
            start(application, f"-Xlog:class+load:file={loaded}")
            classes = sum("source:" in line for line in loaded.read_text().splitlines())
            cells = [f"{statistics.median(each):.0f} ({min(each):.0f})" for each in zip(*results[name])]
            print(f"| {name} | {cells[0]} | {cells[1]} | {classes} |")


main()
