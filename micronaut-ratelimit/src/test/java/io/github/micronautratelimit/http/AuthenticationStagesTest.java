package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.NoRateLimit;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.key.RateLimitKeyResolver;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.context.annotation.Property;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.authentication.Authentication;
import io.micronaut.security.filters.AuthenticationFetcher;
import io.micronaut.security.rules.SecurityRule;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/** Limits by address before authentication and by user after it; path rules and exclusions. */
@MicronautTest(rebuildContext = true)
@Property(name = "spec", value = "AuthenticationStagesTest")
@Property(name = "micronaut.security.enabled", value = "true")
@Property(name = "micronaut.security.reject-not-found", value = "false")
@Property(name = "ratelimit.policies.address.limits", value = "4/min")
@Property(name = "ratelimit.policies.rule.limits", value = "2/min")
@Property(name = "ratelimit.policies.rule.key", value = "{header:X-Rule}")
@Property(name = "ratelimit.rules[0].path", value = "/ruled/**")
@Property(name = "ratelimit.rules[0].methods", value = "GET")
@Property(name = "ratelimit.rules[0].policy", value = "rule")
@Property(name = "ratelimit.exclude", value = "/ruled/excluded/**")
class AuthenticationStagesTest {

    @Inject
    @Client("/")
    HttpClient client;

    @Inject
    RateLimiter limiter;

    @Inject
    PolicyRegistry policies;

    Calls calls;

    @BeforeEach
    void calls() {
        calls = new Calls(client);
    }

    @Test
    void eachUserHasSeparatePermitsOnSecuredRoute() {
        assertEquals(List.of(200, 200, 429), calls.get("/by-user", 3, "X-User", "alice"));
        assertEquals(List.of(200, 200, 429), calls.get("/by-user", 3, "X-User", "bob"));
    }

    @Test
    void failedLoginsCountByAddress() {
        assertEquals(List.of(401, 401, 401, 401, 429), calls.get("/by-both", 5));
    }

    @Test
    void denialOfSecondStageRefundsFirst() {
        assertEquals(List.of(200, 429, 429, 429, 429, 429), calls.get("/by-both", 6, "X-User", "alice"));
        Policy address = policies.get("address");
        assertEquals(
                3,
                limiter.peek(address, "{ip}127.0.0.1", 0).remaining(),
                "the denials of alice cost the address nothing");
        assertEquals(List.of(200, 429), calls.get("/by-both", 2, "X-User", "bob"));
    }

    @Test
    void userNamesAreDistinctFromAddresses() {
        assertEquals(List.of(200, 429), calls.get("/by-either", 2, "X-User", "127.0.0.1"));
        assertEquals(List.of(200, 429), calls.get("/by-either", 2, "X-User", "@127.0.0.1"));
        assertEquals(List.of(200, 429), calls.get("/by-either", 2, "X-User", "=@127.0.0.1"));
        assertEquals(List.of(200, 429), calls.get("/by-either", 2));
    }

    @Test
    void codeUsesKeyOfRouteByUserName() {
        calls.get("/by-policy", "X-User", "alice");
        assertEquals(1, limiter.tryAcquire(policies.get("rule"), "alice", 0).remaining());
        limiter.tryAcquire(policies.get("rule"), "alice");
        assertEquals(429, calls.get("/by-policy", "X-User", "alice").code());
    }

    @Test
    void keyResolverBeanSuppliesKeyAndMayFail() {
        assertEquals(List.of(200, 429), calls.get("/by-bean", 2, "X-Plan", "gold"));
        assertEquals(List.of(200, 429), calls.get("/by-bean", 2, "X-Plan", "silver"));
        assertEquals(List.of(200, 429), calls.get("/by-bean", 2, "X-Plan", "throw"), "the address is the key");
        assertEquals(List.of(429), calls.get("/by-bean", 1), "the address is the key here too");
    }

    @Test
    void ruleLimitsPathsWithAndWithoutRoute() {
        assertEquals(
                List.of(200, 404, 429, 429),
                List.of(
                        calls.get("/ruled/route", "X-Rule", "a").code(),
                        calls.get("/ruled/no-route", "X-Rule", "a").code(),
                        calls.get("/ruled/route", "X-Rule", "a").code(),
                        calls.get("/ruled/no-route", "X-Rule", "a").code()));
        assertEquals(
                List.of(404, 404, 404),
                List.of(
                        calls.post("/ruled/no-route", "X-Rule", "a"),
                        calls.post("/ruled/no-route", "X-Rule", "a"),
                        calls.post("/ruled/no-route", "X-Rule", "a")),
                "the rule applies to GET");
    }

    @Test
    void ruleAndAnnotationAreAllOrNothing() {
        assertEquals(List.of(200, 429, 429), calls.get("/ruled/annotated", 3, "X-Rule", "b"));
        assertEquals(
                List.of(200, 429),
                calls.get("/ruled/route", 2, "X-Rule", "b"),
                "denials by the annotation cost the rule nothing");
    }

    @Test
    void exemptRoutesAndExcludedPathsAreNotLimited() {
        assertEquals(List.of(200, 200, 200), calls.get("/ruled/exempt", 3, "X-Rule", "c"));
        assertEquals(List.of(200, 200, 200), calls.get("/ruled/excluded/annotated", 3, "X-Rule", "c"));
    }

    @Controller
    @Secured(SecurityRule.IS_ANONYMOUS)
    @Requires(property = "spec", value = "AuthenticationStagesTest")
    static class Routes {

        @Get("/by-user")
        @Secured(SecurityRule.IS_AUTHENTICATED)
        @RateLimit(value = "2/min", key = "{principal}")
        String byUser() {
            return "ok";
        }

        @Get("/by-both")
        @Secured(SecurityRule.IS_AUTHENTICATED)
        @RateLimit(policy = "address")
        @RateLimit(value = "1/min", key = "{principal}")
        String byBoth() {
            return "ok";
        }

        @Get("/by-either")
        @RateLimit(value = "1/min", key = "{principal-or-ip}")
        String byEither() {
            return "ok";
        }

        @Get("/by-policy")
        @RateLimit(policy = "rule", key = "{principal}")
        String byPolicy() {
            return "ok";
        }

        @Get("/by-bean")
        @RateLimit(value = "1/min", key = "{bean:plan}")
        String byBean() {
            return "ok";
        }

        @Get("/ruled/route")
        String ruled() {
            return "ok";
        }

        @Get("/ruled/annotated")
        @RateLimit("1/min")
        String annotated() {
            return "ok";
        }

        @Get("/ruled/exempt")
        @NoRateLimit
        String exempt() {
            return "ok";
        }

        @Get("/ruled/excluded/annotated")
        @RateLimit("1/min")
        String excluded() {
            return "ok";
        }
    }

    @Singleton
    @Requires(property = "spec", value = "AuthenticationStagesTest")
    static class UserHeader implements AuthenticationFetcher<HttpRequest<?>> {

        @Override
        public Publisher<Authentication> fetchAuthentication(HttpRequest<?> request) {
            String user = request.getHeaders().get("X-User");
            return user == null ? Mono.empty() : Mono.just(Authentication.build(user));
        }
    }

    @Singleton
    @Named("plan")
    @Requires(property = "spec", value = "AuthenticationStagesTest")
    static class Plan implements RateLimitKeyResolver {

        @Override
        public Optional<String> resolve(HttpRequest<?> request) {
            Optional<String> plan = request.getHeaders().get("X-Plan", String.class);
            if (plan.filter("throw"::equals).isPresent()) {
                throw new IllegalStateException("A resolver that fails.");
            }
            return plan;
        }
    }
}
