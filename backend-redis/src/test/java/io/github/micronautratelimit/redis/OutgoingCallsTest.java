package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.client.LimitedCalls;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.runtime.server.EmbeddedServer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Three instances of an application call a service that really limits, and share one Redis server. */
@NeedsRedis
class OutgoingCallsTest {

    private static final int INSTANCES = 3;
    private static final int CALLS = 100;
    private static final int CONCURRENT = 20;

    private final List<AutoCloseable> opened = new ArrayList<>();
    private EmbeddedServer service;

    @BeforeEach
    void startService() {
        service = ApplicationContext.run(
                EmbeddedServer.class,
                Map.of(
                        "spec",
                        "outgoing-service",
                        "micronaut.server.port",
                        -1,
                        "ratelimit.backend",
                        "memory",
                        "redis.uri",
                        RedisServer.uri()));
        opened.add(service);
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable resource : opened) {
            resource.close();
        }
    }

    private List<ApplicationContext> instances(Map<String, Object> properties) {
        Map<String, Object> all = new HashMap<>(Map.of(
                "spec",
                "outgoing-client",
                "micronaut.http.services.partner.url",
                service.getURL().toString(),
                "micronaut.http.services.partner.read-timeout",
                "60s",
                "redis.uri",
                RedisServer.uri(),
                "ratelimit.deadline",
                "10s",
                "ratelimit.namespace",
                "outgoing-" + UUID.randomUUID()));
        all.putAll(properties);
        List<ApplicationContext> instances = new ArrayList<>();
        for (int i = 0; i < INSTANCES; i++) {
            ApplicationContext context = ApplicationContext.run(all);
            opened.add(0, context);
            instances.add(context);
        }
        return instances;
    }

    private static Map<String, Object> limits(String limits, String... more) {
        Map<String, Object> properties = new HashMap<>(
                Map.of("ratelimit.clients.partner.limits", limits, "ratelimit.clients.partner.max-wait", "50s"));
        for (int i = 0; i < more.length; i += 2) {
            properties.put("ratelimit.clients.partner." + more[i], more[i + 1]);
        }
        return properties;
    }

    /** Makes the calls of all instances, and returns their statuses. */
    private static List<Integer> statuses(List<ApplicationContext> instances, String path) {
        List<Integer> statuses = Flux.fromIterable(instances)
                .map(context -> context.getBean(Partner.class))
                .flatMap(partner -> Flux.range(0, CALLS).flatMap(i -> status(partner, path), CONCURRENT), INSTANCES)
                .collectList()
                .block();
        assertEquals(INSTANCES * CALLS, statuses.size());
        assertTrue(statuses.stream().allMatch(status -> status == 200 || status == 429), statuses::toString);
        return statuses;
    }

    private static Mono<Integer> status(Partner partner, String path) {
        return Mono.from(partner.call(path))
                .map(answer -> 200)
                .onErrorResume(HttpClientResponseException.class, failure -> Mono.just(failure.code()));
    }

    private static double percent(long part, long all) {
        return 100.0 * part / all;
    }

    @Test
    void instancesThatShareALimitAreHardlyEverDenied() {
        List<Integer> with = statuses(instances(limits("40/s burst 5")), "with");
        List<Integer> without = statuses(instances(Map.of("ratelimit.enabled", "false")), "without");
        double deniedWithout = percent(Collections.frequency(without, 429), without.size());
        double deniedWith = percent(Collections.frequency(with, 429), with.size());
        assertTrue(deniedWithout > 30, () -> deniedWithout + " % of all answers");
        assertTrue(deniedWith <= 1, () -> deniedWith + " % of all answers");
    }

    /** The limit is five times that of the service, so that its answers have to hold the calls back. */
    @Test
    void instancesThatOnlyLearnAreServedInTheEnd() {
        List<ApplicationContext> instances = instances(limits("200/s burst 5", "retry", "10"));
        List<Integer> statuses = statuses(instances, "learned");
        long denials = 0;
        for (ApplicationContext instance : instances) {
            denials += instance.getBean(LimitedCalls.class).counts().get(0).denials();
        }
        double denied = percent(denials, statuses.size() + denials);
        System.out.println("learned: " + denied + " %");
        assertEquals(0, Collections.frequency(statuses, 429));
        assertTrue(denied < 30, () -> denied + " % of all answers");
    }

    /** The calls to the service. */
    @Client("partner")
    @Requires(property = "spec", value = "outgoing-client")
    interface Partner {

        @Get("/limited/{path}")
        Publisher<String> call(String path);
    }

    @Controller("/limited")
    @Requires(property = "spec", value = "outgoing-service")
    static class Limited {

        /** The burst is two seconds of calls, because a busy machine sends calls late that were granted in time. */
        @Get("/{path}")
        @RateLimit(value = "40/s burst 80", key = "{path:path}")
        String call(String path) {
            return path;
        }
    }
}
