package io.github.micronautratelimit.web;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A rule applies to a path in any notation; an exclusion applies only if every reading matches. */
class PathRuleTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/api/orders",
                "/API/Orders",
                "/api/orders/",
                "//api/orders",
                "/api//orders",
                "///api///orders//",
                "/./api/./orders",
                "/x/../api/orders",
                "/x/y/../../api/orders",
                "/../api/orders",
                "/api/x/../orders",
                "/api/orders/.",
                "/api/orders/x/..",
                "/%61pi/orders",
                "/%61%70%69/%6f%72%64%65%72%73",
                "/api%2forders",
                "/api%2Forders",
                "/api/%2e%2e/api/orders",
                "/x/%2e%2e/api/orders",
                "/x/.%2E/api/orders",
                "/x/..;/api/orders",
                "/x/..;a=b/api/orders",
                "/api;v=1/orders",
                "/api/orders;jsessionid=1",
                "/api/orders;",
                "/;/api/orders",
                "/api\\orders",
                "/x\\..\\api\\orders",
                "/api%5corders",
                "/%2561pi/orders",
                "/api%252forders",
                "/x/%252e%252e/api/orders",
                "/api%3bv=1/orders",
                "/api/orders%2f",
                "/api/orders/%2e",
                "/api//../api/orders",
                "/%41PI/orders",
                "/api/%6Frders"
            })
    void ruleAppliesInAnyNotationOfThePath(String path) {
        assertTrue(new PathRule("/api/orders", List.of()).matches("GET", new RequestPath(path)));
        assertTrue(new PathRule("/api/**", List.of()).matches("GET", new RequestPath(path)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/files/a%2F..%2F..%2Fx",
                "/files/..%2fx",
                "/files/%252e%252e/x",
                "/files/..;/x",
                "/files/../x",
                "/files/a/..%5c..%5cx",
                "/files/%2e%2e%2fx",
                "/files;/../x"
            })
    void ruleAppliesToEveryTargetOfAPathWithDotSegments(String path) {
        assertTrue(new PathRule("/files/**", List.of()).matches("GET", new RequestPath(path)));
        assertTrue(new PathRule("/x", List.of()).matches("GET", new RequestPath(path)), "where it leads");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/health/../api/orders",
                "/health/..;/api/orders",
                "/health/%2e%2e/api/orders",
                "/health/..%2fapi/orders",
                "/health/%252e%252e%252fapi",
                "/health\\..\\api"
            })
    void exclusionDoesNotApplyToAPathWithAnotherReading(String path) {
        assertFalse(new PathRule("/health/**", List.of()).exempts(new RequestPath(path)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/health", "/health/", "/health/live", "/health//live", "/health/%6cive", "/health/.live"})
    void exclusionAppliesToAllPathsBelow(String path) {
        assertTrue(new PathRule("/health/**", List.of()).exempts(new RequestPath(path)));
    }

    @Test
    void everyRuleAndNoExclusionAppliesToAPathWithTooManyReadings() {
        RequestPath path = new RequestPath("/a" + "/%25%32%65%25%32%65;x//..;/b%252f%5c".repeat(20));
        assertTrue(new PathRule("/quite/another", List.of()).matches("GET", path));
        assertFalse(new PathRule("/**", List.of()).exempts(path));
    }

    @ParameterizedTest
    @CsvSource({
        "/, /, true",
        "/**, /, true",
        "/**, /a/b, true",
        "/*, /a, true",
        "/*, /a/b, false",
        "/a/*, /a, false",
        "/a/**, /a, true",
        "/a/**, /ab, false",
        "/a/**/z, /a/z, true",
        "/a/**/z, /a/b/c/z, true",
        "/a/**/z, /a/b/c/y, false",
        "/a/*/c, /a/b/c, true",
        "/a/?, /a/b, true",
        "/a/?, /a/bc, false",
        "/*.css, /x.css, true",
        "/**/*.css, /a/b/x.css, true",
        "/**/*.css, /a/b/x.js, false",
        "/a*b*c, /aXXbYYc, true",
        "/a*b*c, /aXXbYY, false",
        "/api, /apis, false",
        "/Api/**, /api/x, true",
        "/**/a/**/b, /x/a/y/a/z/b, true"
    })
    void pathsMatchAntPatterns(String pattern, String path, boolean matches) {
        assertEquals(matches, new PathRule(pattern, List.of()).matches("GET", new RequestPath(path)));
    }

    @Test
    void ruleForGetIncludesHead() {
        PathRule rule = new PathRule("/a", List.of("get"));
        RequestPath path = new RequestPath("/a");
        assertTrue(rule.matches("GET", path));
        assertTrue(rule.matches("HEAD", path));
        assertFalse(rule.matches("POST", path));
        assertTrue(new PathRule("/a", List.of()).matches("ANY", path));
    }

    @ParameterizedTest
    @CsvSource({
        "/x/{id}, /x/5, true",
        "/x/{id}, /x/5/6, false",
        "/x/{id}, /x, false",
        "/x/{id}/items, /x/5/items, true",
        "/x/{order-id}.json, /x/5.json, true",
        "/x/{a}-{b}, /x/1-2, true",
        "/x/, /x, true",
        "/x/, /x/, true",
        "//x//y, /x/y, true",
        "' /x/** ', /x/y, true",
        "/v1/x:batch, /v1/x:batch, true",
        "/x/a b, /x/a%20b, true",
        "/x/100%, /x/100%25, true",
        "/x/(y), /x/(y), true"
    })
    void patternsOfRoutesAndOtherSpellingsMatch(String pattern, String path, boolean matches) {
        assertEquals(matches, new PathRule(pattern, List.of()).matches("GET", new RequestPath(path)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "x",
                "",
                "*",
                "/x/{+path}",
                "/x/{id:[0-9]+}",
                "/x{/path}",
                "/x/{",
                "/x/}",
                "/x/{?q}",
                "/x/{a/b}",
                "/x**",
                "/x/**.json",
                "/x?q=1",
                "/x/../y",
                "/./x",
                "http://localhost/x",
                "/x/:id",
                "/x/:id?/y",
                "/x/<id>",
                "/x/<int:id>/y",
                "/x/[0-9]+",
                "/x/[id]",
                "/(x|y)/z",
                "/x/\\d+",
                "/^x",
                "/x/%37",
                "/caf%C3%A9"
            })
    void patternsThatMatchNothingAreRejected(String pattern) {
        IllegalArgumentException rejected =
                assertThrows(IllegalArgumentException.class, () -> new PathRule(pattern, List.of()));
        assertTrue(rejected.getMessage().startsWith("\"" + pattern + "\" "), rejected.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"PSOT", "GET POST", "*", "ALL", "ANY", "", "GET;POST", "G\u0130T"})
    void unknownMethodsAreRejected(String method) {
        IllegalArgumentException rejected =
                assertThrows(IllegalArgumentException.class, () -> new PathRule("/x", List.of("POST", method)));
        assertEquals(
                "\"" + method
                        + "\" is not an HTTP method; write methods such as [GET, POST], or leave the methods out for"
                        + " all of them.",
                rejected.getMessage());
    }

    @ParameterizedTest
    @CsvSource({"post, POST", "' put ', PUT", "Propfind, PROPFIND", "get, HEAD"})
    void methodsMatchInAnyCase(String written, String method) {
        PathRule rule = new PathRule("/x", List.of(written));
        assertTrue(rule.matches(method, new RequestPath("/x")));
        assertFalse(rule.matches("DELETE", new RequestPath("/x")));
    }

    @ParameterizedTest
    @CsvSource({
        "/app, /x, /app/x, true",
        "/app, /x, /APP/x, true",
        "/app, /x, /app//x/, true",
        "/app, /x, /y/../app/x, true",
        "/app, /x, /%61pp/x, true",
        "/app, /x, /x, true",
        "/app, /x, /apps/x, false",
        "/app, /x, /app/app/x, false",
        "/app, /, /app, true",
        "/app, /**, /app, true",
        "/a/b, /x, /a/b/x, true",
        "/a/b, /x, /a/x, false"
    })
    void pathsWithinApplicationMatch(String context, String pattern, String path, boolean matches) {
        assertEquals(matches, new PathRule(context, pattern, List.of()).matches("GET", new RequestPath(path)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/app/../other/health", "/app/health/..;/x", "/app%2f..%2fhealth/x", "/other/health"})
    void exclusionWithinApplicationNeedsEveryReading(String path) {
        assertFalse(new PathRule("/app", "/health/**", List.of()).exempts(new RequestPath(path)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/app/health", "/app/health/", "/APP/health/x"})
    void exclusionWithinApplicationExempts(String path) {
        assertTrue(new PathRule("/app", "/health/**", List.of()).exempts(new RequestPath(path)));
    }

    @ParameterizedTest
    @CsvSource({
        "/**, /a, true",
        "/a/**, /a/b/*, true",
        "/a/**, /a, true",
        "/a/**, /a/**, true",
        "/a/*, /a/{id}, true",
        "/a/*, /a/**, false",
        "/a/{id}, /a/5, true",
        "/a/?, /a/5, true",
        "/a/?, /a/*, false",
        "/a/*x, /a/yx, true",
        "/a/b, /a/*, false",
        "/a, /A/, true",
        "/**/b, /a/b, true",
        "/**/b, /a/**, false"
    })
    void wideRuleCoversNarrowOne(String wide, String narrow, boolean covers) {
        assertEquals(covers, new PathRule(wide, List.of()).covers(new PathRule(narrow, List.of())));
    }

    @Test
    void ruleForSomeMethodsCoversNoRuleForOthers() {
        PathRule all = new PathRule("/a", List.of());
        PathRule get = new PathRule("/a", List.of("GET"));
        PathRule both = new PathRule("/a", List.of("GET", "POST"));
        assertTrue(all.covers(get));
        assertTrue(both.covers(get));
        assertFalse(get.covers(both));
        assertFalse(get.covers(all));
    }

    @ParameterizedTest
    @CsvSource({
        "/orders, /orders, true",
        "/orders, /orders/{id}, false",
        "/orders/**, /orders/{id}, true",
        "/orders/7, /orders/{id}, true",
        "/orders/7/items, /orders/{id}, false",
        "/orders/*/items, /orders/{id}/items, true",
        "/orders/{id}, /{tenant}/orders, true",
        "/orders/x, /{tenant}/orders, false",
        "/**/items, /orders/{id}, true",
        "/oders/**, /orders/{id}, false",
        "/orders/a/b, /orders/{+rest}, true",
        "/orders/7, '/orders/{id:[0-9]+}', true",
        "/orders/a/b, '/orders{/rest:.*}', true",
        "/files/x, /orders/{+rest}, false",
        "/files/x, /files/**, true"
    })
    void patternMayMatchPathsOfRoute(String pattern, String template, boolean may) {
        assertEquals(may, new PathRule(pattern, List.of()).mayMatchRoute(template));
        assertEquals(may, new PathRule("/app", pattern, List.of()).mayMatchRoute("/app" + template));
    }

    @ParameterizedTest
    @CsvSource({
        "/health/**, /health, true",
        "/health/**, /health/{name}, true",
        "/health/**, '/health{/name}', true",
        "/health/**, /{lang}/search, false",
        "/health/**, /{+path}, false",
        "/health, /health/{name}, true"
    })
    void patternCoversRouteByItsStart(String pattern, String template, boolean covers) {
        assertEquals(covers, new PathRule(pattern, List.of()).coversRoute(template));
    }
}
