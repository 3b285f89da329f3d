package io.github.micronautratelimit.simulator.convert;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.simulator.policy.Candidate;
import io.github.micronautratelimit.simulator.policy.PolicyFile;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.env.yaml.YamlPropertySourceLoader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConversionTest {

    private static String text(String file) {
        try {
            return Files.readString(Path.of("src/test/resources/convert", file));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static Conversion convert(String file) {
        return Source.detect(text(file)).convert(text(file));
    }

    /** Returns the rules of a conversion as the simulator reads them. */
    private static List<String> rules(Conversion conversion) {
        Candidate candidate = PolicyFile.read("converted", conversion.toYaml("x"), Map.of(), null);
        return candidate.rules().stream()
                .map(rule -> rule.policy().name() + ": "
                        + new LimitSet(rule.policy().rateLimits(), rule.policy().concurrency()) + " by "
                        + rule.traffic())
                .toList();
    }

    @ParameterizedTest
    @CsvSource({
        "nginx.conf, nginx",
        "kong.yml, kong",
        "envoy.yml, envoy",
        "bucket4j.yml, bucket4j",
        "gateway.yml, spring-cloud-gateway",
        "resilience4j.yml, resilience4j",
    })
    void resultOfEachProductStartsAnApplication(String file, String product) throws IOException {
        assertEquals(product, Source.detect(text(file)).toString());
        String yaml = convert(file).toYaml(file);
        Map<String, Object> settings = new YamlPropertySourceLoader()
                .read("converted", new ByteArrayInputStream(yaml.getBytes(StandardCharsets.UTF_8)));
        try (ApplicationContext application = ApplicationContext.run(settings)) {
            assertTrue(application.isRunning(), yaml);
        }
    }

    @Test
    void nginxZonesBecomeTokenBuckets() {
        Conversion conversion = convert("nginx.conf");
        assertEquals(
                List.of(
                        "api: 10/s burst 21 by {ip} on /api/**",
                        "tenants: 30/min burst 1 by {header:x-tenant} on /api/**",
                        "api-2: 10/s burst 6 by {ip} on /login",
                        "api-3: 10/s by {ip} on /**"),
                rules(conversion));
        assertEquals(
                List.of(
                        "The key $request_uri of the zone uris is computed by nginx; write a RateLimitKeyResolver, and"
                                + " {bean:NAME}.",
                        "limit_req_status 429 is the status of denials; set ratelimit.status for all of them.",
                        "The zone api delays up to 5 requests to its rate (no nodelay); the policy allows them at once. To"
                                + " delay them, write a burst of 1 and max-wait: 1s.",
                        "The location ~ \\.php$ of the zone api is a regular expression; write a rule with a pattern such as"
                                + " /api/**.",
                        "\"limit_req zone=uris\" uses a zone that is not converted.",
                        "limit_conn addr 2 limits connections; write a policy such as \"2 concurrent\"."),
                conversion.remarks());
    }

    @Test
    void kongPluginsBecomeFixedAndSlidingWindows() {
        Conversion conversion = convert("kong.yml");
        assertEquals(
                List.of(
                        "kong: 5/s fixed; 1000/h fixed by {ip} on /**",
                        "orders: 20/min fixed by {header:X-Tenant} on /orders/**",
                        "orders-list: 10/min sliding; 100/h sliding by {principal-or-ip} on GET /orders/**"),
                rules(conversion));
        String yaml = conversion.toYaml("kong.yml");
        assertTrue(yaml.contains("on-error: open") && yaml.contains("on-error: closed"), yaml);
        assertEquals(
                List.of(
                        "100000 per month is not converted, because a period has at most 366 days of fixed length.",
                        "The plugin rate-limiting of kong counts on each node (local); here all instances that share a store"
                                + " count together.",
                        "The path ~/o[0-9]+ is a regular expression; write a rule with a pattern such as /api/**.",
                        "Requests are counted by consumer; the key is the user, otherwise the address.",
                        "The limit of the consumer gold is not converted; write it as an override of a policy with the key"
                                + " {principal}."),
                conversion.remarks());
    }

    @Test
    void envoyDescriptorsBecomeFixedWindows() {
        Conversion conversion = convert("envoy.yml");
        assertEquals(
                List.of(
                        "shop-remote-address: 100/min fixed by {ip} on /**",
                        "shop-path-checkout-user-id: 50/h fixed by {principal} on /checkout/**",
                        "shop-x-tenant-remote-address: 3/s fixed by {header:x-tenant}/{ip} on /**"),
                rules(conversion));
        assertTrue(conversion
                .remarks()
                .contains("The descriptor shop-PATH-/checkout/*-user_id is in shadow mode; the converted"
                        + " policy denies."));
        assertTrue(conversion
                .remarks()
                .contains("The descriptor remote_address = 192.0.2.9 is for one value; write it as an"
                        + " override of the policy, with the value as its key."));
        assertTrue(conversion
                .remarks()
                .contains("The limit of 1000 per month of shop-generic_key-all is not converted, because"
                        + " a period has a fixed length."));
    }

    @Test
    void bucket4jFiltersBecomeRules() {
        Conversion conversion = convert("bucket4j.yml");
        assertEquals(
                List.of(
                        "admin: 5/10s by {global} on /admin*/**",
                        "all: 10/min fixed by {ip} on /**",
                        "all-2: 50/h burst 100 by {principal-or-ip} on /**, 2 permits"),
                rules(conversion));
        assertEquals(
                List.of(
                        "Only the first matching limit of the url .* applies (strategy first); here all rules of a path"
                                + " apply. Check the rules.",
                        "The execute-condition @securityService.notSignedIn() on /** is not converted; the limit applies to"
                                + " all requests of the path.",
                        "The refill-speed interval starts with the first request; a fixed window starts with the clock.",
                        "The url /a(b|c)/.* is a regular expression that no pattern expresses; write a rule with a pattern"
                                + " such as /api/**."),
                conversion.remarks());
    }

    @Test
    void gatewayFiltersBecomeTokenBuckets() {
        Conversion conversion = convert("gateway.yml");
        assertEquals(
                List.of(
                        "items-route: 10/s burst 20 by {ip} on GET,POST /items/**, 2 permits",
                        "items-route: 10/s burst 20 by {ip} on GET,POST /things/**, 2 permits",
                        "plain: 1/s by {principal} on /**"),
                rules(conversion));
        assertTrue(conversion
                .remarks()
                .contains("The predicate Header=X-Version, 1 of the route itemsRoute is not converted;"
                        + " the rule applies to all requests of its path."));
    }

    @Test
    void resilience4jInstancesBecomeFixedWindowsThatAllCallersShare() {
        Conversion conversion = convert("resilience4j.yml");
        assertEquals(
                List.of("backend-a: 10/s fixed by {global} on /**", "backend-b: 6/500ms fixed by {global} on /**"),
                rules(conversion));
        assertTrue(conversion.toYaml("x").contains("max-wait: \"3s\""));
    }

    @Test
    void fileWithoutLimitsIsRefused() {
        String refusal = assertThrows(InvalidSourceException.class, () -> convert("empty-of-limits.yml"))
                .getMessage();
        assertTrue(
                refusal.startsWith(
                        "The file contains no limit of resilience4j that can be expressed (The limiter fast has a"
                                + " period below a microsecond"),
                refusal);
        assertEquals(
                "The file belongs to none of the known products; pass --from with one of nginx, kong, envoy, bucket4j,"
                        + " spring-cloud-gateway, resilience4j.",
                assertThrows(InvalidSourceException.class, () -> Source.detect("a: 1"))
                        .getMessage());
        assertEquals(
                "The file is not valid YAML (mapping values are not allowed here); correct it, or pass --from.",
                assertThrows(InvalidSourceException.class, () -> Source.detect("a: b: c"))
                        .getMessage());
        assertEquals(
                "--from apache is unknown; write one of nginx, kong, envoy, bucket4j, spring-cloud-gateway, resilience4j.",
                assertThrows(InvalidSourceException.class, () -> Source.parse("apache"))
                        .getMessage());
    }

    @Test
    void remarksAndNamesCannotInjectYaml() {
        Conversion conversion = Source.ENVOY.convert(
                "domain: \"a\\nb: c\"\ndescriptors: [{key: \"x\\n  evil: 1\", rate_limit: {unit: day, requests_per_unit: 2}}]");
        assertEquals(List.of("a-b-c-x-evil-1: 2/day fixed by {global} on /**"), rules(conversion));
    }
}
