package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.client.annotation.Client;
import jakarta.inject.Singleton;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Mono;

/** A limit on a declarative client limits the calls of all users together, and belongs to that client alone. */
class ClientLimitTest {

    private static final String FORWARDED = "X-Forwarded-For";

    private static TestServer start(Map<String, Object> properties) {
        Map<String, Object> all = new HashMap<>(properties);
        all.put("ratelimit.trusted-proxies", "127.0.0.0/8");
        return TestServer.start(ClientLimitTest.class, all);
    }

    @ParameterizedTest
    @ValueSource(strings = {"method", "class", "inherited"})
    void usersShareLimitOfClient(String client) {
        try (TestServer server = start(Map.of())) {
            for (int user = 1; user <= 5; user++) {
                server.calls().get("/shop/" + client, 2, FORWARDED, "198.51.100." + user);
            }
            assertEquals(2, server.context().getBean(Calls.class).count.get());
        }
    }

    @Test
    void callOutsideRequestIsLimited() {
        try (TestServer server = start(Map.of())) {
            Partner partner = server.context().getBean(Partner.class);
            assertEquals("ok", partner.call().block());
            assertEquals("ok", partner.call().block());
            assertThrows(RateLimitExceededException.class, () -> partner.call().block());
        }
    }

    @Test
    void clientsThatShareInterfaceHaveSeparateLimits() {
        try (TestServer server = start(Map.of("asia", "true"))) {
            Europe europe = server.context().getBean(Europe.class);
            America america = server.context().getBean(America.class);
            assertEquals(List.of("a", "b", "a"), List.of(europe.a(), europe.b(), europe.a()));
            assertThrows(RateLimitExceededException.class, europe::b, "own and inherited methods share the limit");
            assertThrows(RateLimitExceededException.class, europe::a);
            assertEquals("a", america.a());
            assertEquals("a", server.context().getBean(Asia.class).a(), "another limit on the same interface");
        }
    }

    @Singleton
    @Requires(property = "spec", value = "ClientLimitTest")
    static class Calls {

        final AtomicInteger count = new AtomicInteger();
    }

    @Client("/partner")
    @Requires(property = "spec", value = "ClientLimitTest")
    interface Partner {

        @Get
        @RateLimit("2/h")
        Mono<String> call();
    }

    @Client("/partner")
    @RateLimit("2/h")
    @Requires(property = "spec", value = "ClientLimitTest")
    interface LimitedPartner {

        @Get
        Mono<String> call();
    }

    interface PartnerApi {

        @Get
        @RateLimit("2/h")
        Mono<String> call();
    }

    @Client("/partner")
    @Requires(property = "spec", value = "ClientLimitTest")
    interface InheritingPartner extends PartnerApi {}

    @Controller("/partner")
    @Requires(property = "spec", value = "ClientLimitTest")
    static class PartnerService {

        private final Calls calls;

        PartnerService(Calls calls) {
            this.calls = calls;
        }

        @Get
        String call() {
            calls.count.incrementAndGet();
            return "ok";
        }
    }

    @Controller("/shop")
    @Requires(property = "spec", value = "ClientLimitTest")
    static class Shop {

        private final Partner partner;
        private final LimitedPartner limited;
        private final InheritingPartner inheriting;

        Shop(Partner partner, LimitedPartner limited, InheritingPartner inheriting) {
            this.partner = partner;
            this.limited = limited;
            this.inheriting = inheriting;
        }

        @Get("/method")
        Mono<String> method() {
            return partner.call();
        }

        @Get("/class")
        Mono<String> limited() {
            return limited.call();
        }

        @Get("/inherited")
        Mono<String> inherited() {
            return inheriting.call();
        }
    }

    interface Api {

        @Get("/a")
        String a();
    }

    @Client("/service")
    @RateLimit("3/h")
    @Requires(property = "spec", value = "ClientLimitTest")
    interface Europe extends Api {

        @Get("/b")
        String b();
    }

    @Client("/service")
    @RateLimit("3/h")
    @Requires(property = "spec", value = "ClientLimitTest")
    interface America extends Api {}

    @Client("/service")
    @RateLimit("100/h")
    @Requires(property = "spec", value = "ClientLimitTest")
    @Requires(property = "asia", value = "true")
    interface Asia extends Api {}

    @Controller("/service")
    @Requires(property = "spec", value = "ClientLimitTest")
    static class Service {

        @Get("/a")
        String a() {
            return "a";
        }

        @Get("/b")
        String b() {
            return "b";
        }
    }
}
