package io.github.micronautratelimit.benchmarks;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.web.CaseChoice;
import io.github.micronautratelimit.web.PolicyCase;
import io.github.micronautratelimit.web.PolicyCases;
import io.github.micronautratelimit.web.RequestPath;
import io.github.micronautratelimit.web.WebRequest;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/** The choice of the case of a policy, which precedes the decision on a request and calls no store. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class Cases {

    private static final int REQUESTS = 64;
    private static final List<String> ROLES = List.of("staff");

    private final CaseChoice<String> github =
            choice(List.of(), "anonymous: 60/h by {ip}", "authenticated: 5000/h by {principal}");
    /** One case of each kind, none of which matches before the last. */
    private final CaseChoice<String> everyKind = choice(
            List.of("10.0.0.0/8", "2001:db8::/32"),
            "role:gold: 9/s",
            "claim:plan=pro: 8/s",
            "header:X-Plan=pro: 7/s",
            "method:POST|PUT: 6/s",
            "path:/admin/**: 5/s",
            "ip:192.168.0.0/16: 4/s",
            "time:02:00-02:01 Europe/Berlin: 3/s",
            "otherwise: 1/s");

    private final WebRequest[] ipv4 = requests("203.0.113.%d");
    private final WebRequest[] ipv6 = requests("2001:dba:%x:7::/64");
    private int next;

    /** A request as a server presents it; the path is read once per request. */
    private record Request(String address, String userName, String raw) implements WebRequest {

        @Override
        public Collection<String> roles() {
            return ROLES;
        }

        @Override
        public @Nullable String claim(String name) {
            return "free";
        }

        @Override
        public @Nullable String header(String name) {
            return null;
        }

        @Override
        public String method() {
            return "GET";
        }

        @Override
        public RequestPath path() {
            return new RequestPath(raw);
        }
    }

    private static CaseChoice<String> choice(List<String> exempt, String... cases) {
        return PolicyCases.of(
                        Stream.of(cases).map(text -> PolicyCase.parse(text, "")).toList(), null, exempt)
                .map(PolicyCase::when);
    }

    private static WebRequest[] requests(String address) {
        WebRequest[] requests = new WebRequest[REQUESTS];
        for (int i = 0; i < REQUESTS; i++) {
            requests[i] = new Request(address.formatted(i + 1), "user" + i, "/orders/" + i);
        }
        return requests;
    }

    /** Anonymous or authenticated. */
    @Benchmark
    public List<String> twoCases() {
        return github.of(ipv4[next++ & REQUESTS - 1], MicroClock.system());
    }

    /** Two exempt ranges and eight cases of every kind, of which the last one matches, for an IPv4 address. */
    @Benchmark
    public List<String> everyKind() {
        return everyKind.of(ipv4[next++ & REQUESTS - 1], MicroClock.system());
    }

    /** The same for an IPv6 prefix. */
    @Benchmark
    public List<String> everyKindIpv6() {
        return everyKind.of(ipv6[next++ & REQUESTS - 1], MicroClock.system());
    }

    /**
     * Runs the benchmark.
     *
     * @param arguments none
     * @throws Exception if a benchmark fails
     */
    public static void main(String[] arguments) throws Exception {
        new Runner(new OptionsBuilder()
                        .include("\\.Cases\\.")
                        .forks(2)
                        .warmupIterations(3)
                        .warmupTime(TimeValue.seconds(1))
                        .measurementIterations(5)
                        .measurementTime(TimeValue.seconds(1))
                        .addProfiler(GCProfiler.class)
                        .shouldFailOnError(true)
                        .build())
                .run();
    }
}
