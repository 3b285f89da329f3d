package io.github.micronautratelimit.web;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A rule applies however a path is written; an exclusion only if it is written plainly. */
class PathRuleTest {

    @ParameterizedTest
    @ValueSource(strings = {
        "/api/orders", "/API/Orders", "/api/orders/", "//api/orders", "/api//orders", "///api///orders//", "/./api/./orders",
        "/x/../api/orders", "/x/y/../../api/orders", "/../api/orders", "/api/x/../orders", "/api/orders/.",
        "/api/orders/x/..", "/%61pi/orders", "/%61%70%69/%6f%72%64%65%72%73", "/api%2forders", "/api%2Forders",
        "/api/%2e%2e/api/orders", "/x/%2e%2e/api/orders", "/x/.%2E/api/orders", "/x/..;/api/orders",
        "/x/..;a=b/api/orders", "/api;v=1/orders", "/api/orders;jsessionid=1", "/api/orders;", "/;/api/orders",
        "/api\\orders", "/x\\..\\api\\orders", "/api%5corders", "/%2561pi/orders", "/api%252forders",
        "/x/%252e%252e/api/orders", "/api%3bv=1/orders", "/api/orders%2f", "/api/orders/%2e", "/api//../api/orders",
        "/%41PI/orders", "/api/%6Frders"})
    void aRuleCannotBeDodgedByWritingThePathInAnotherWay(String path) {
        assertTrue(new PathRule("/api/orders", List.of()).matches("GET", new RequestPath(path)));
        assertTrue(new PathRule("/api/**", List.of()).matches("GET", new RequestPath(path)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/files/a%2F..%2F..%2Fx", "/files/..%2fx", "/files/%252e%252e/x", "/files/..;/x", "/files/../x",
        "/files/a/..%5c..%5cx", "/files/%2e%2e%2fx", "/files;/../x"})
    void aRuleHoldsToWhereverAPathThatClimbsOutMayLead(String path) {
        assertTrue(new PathRule("/files/**", List.of()).matches("GET", new RequestPath(path)));
        assertTrue(new PathRule("/x", List.of()).matches("GET", new RequestPath(path)), "where it leads");
    }

    @ParameterizedTest
    @ValueSource(strings = {"/health/../api/orders", "/health/..;/api/orders", "/health/%2e%2e/api/orders",
        "/health/..%2fapi/orders", "/health/%252e%252e%252fapi", "/health\\..\\api"})
    void anExclusionDoesNotHoldForAPathThatMayLeadElsewhere(String path) {
        assertFalse(new PathRule("/health/**", List.of()).exempts(new RequestPath(path)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/health", "/health/", "/health/live", "/health//live", "/health/%6cive", "/health/.live"})
    void anExclusionHoldsForAllThatLiesBelow(String path) {
        assertTrue(new PathRule("/health/**", List.of()).exempts(new RequestPath(path)));
    }

    @Test
    void aPathOfMoreReadingsThanAnHonestOneIsUnderEveryRuleAndNoExclusion() {
        RequestPath path = new RequestPath("/a" + "/%25%32%65%25%32%65;x//..;/b%252f%5c".repeat(20));
        assertTrue(new PathRule("/quite/another", List.of()).matches("GET", path));
        assertFalse(new PathRule("/**", List.of()).exempts(path));
    }

    @ParameterizedTest
    @CsvSource({
        "/, /, true", "/**, /, true", "/**, /a/b, true", "/*, /a, true", "/*, /a/b, false", "/a/*, /a, false",
        "/a/**, /a, true", "/a/**, /ab, false", "/a/**/z, /a/z, true", "/a/**/z, /a/b/c/z, true",
        "/a/**/z, /a/b/c/y, false", "/a/*/c, /a/b/c, true", "/a/?, /a/b, true", "/a/?, /a/bc, false",
        "/*.css, /x.css, true", "/**/*.css, /a/b/x.css, true", "/**/*.css, /a/b/x.js, false", "/a*b*c, /aXXbYYc, true",
        "/a*b*c, /aXXbYY, false", "/api, /apis, false", "/Api/**, /api/x, true", "/**/a/**/b, /x/a/y/a/z/b, true"})
    void patternsAreAntPatterns(String pattern, String path, boolean matches) {
        assertEquals(matches, new PathRule(pattern, List.of()).matches("GET", new RequestPath(path)));
    }

    @Test
    void aRuleForGetIsForHeadToo() {
        PathRule rule = new PathRule("/a", List.of("get"));
        RequestPath path = new RequestPath("/a");
        assertTrue(rule.matches("GET", path));
        assertTrue(rule.matches("HEAD", path));
        assertFalse(rule.matches("POST", path));
        assertTrue(new PathRule("/a", List.of()).matches("ANY", path));
    }
}
