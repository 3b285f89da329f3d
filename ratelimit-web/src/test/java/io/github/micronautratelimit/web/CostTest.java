package io.github.micronautratelimit.web;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Costs are parsed, bounded and never chosen to be free by the client. */
class CostTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "null",
            value = {
                "5                          | 7                    | 5",
                "0 | 7 | 0",
                "{query:n}                  | 7                    | 7",
                "{query:n} | null | 1",
                "{query:n} | many | 9223372036854775807",
                "{query:n}                  | 0                    | 1",
                "{query:n} | -7 | 1",
                "{query:n} | 1.5 | 2",
                "{query:n} 2..10            | 7                    | 7",
                "{query:n} 2..10 | 1 | 2",
                "{query:n} 2..10 | 11 | 10",
                "{query:n} 2..10            | 99999999999999999999 | 10",
                "{query:n} 2..10 | null | 2",
                "{query:n} 2 .. 10 | x | 10",
                "{query:n}                  | 99999999999999999999 | 9223372036854775807",
                "{query:n} 0..10            | 0                    | 0",
                "{query:n} / 1024           | 1                    | 1",
                "{query:n} / 1024 | 1024 | 1",
                "{query:n}/1024 | 1025 | 2",
                "{query:n} / 1024 1..100    | 9999999              | 100"
            })
    void costIsFixedOrAValueWithinBounds(String text, @Nullable String given, long permits) {
        assertEquals(permits, Cost.parse(text).permits(new RequestKeys(), new Asked(given, Map.of())));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "50 | 50",
                "+50 | 50",
                "0050 | 50",
                "' 50 ' | 50",
                "50.0 | 50",
                "49.01 | 50",
                "5e1 | 50",
                "5E+1 | 50",
                "500e-1 | 50",
                "\u0665\u0660 | 50",
                "\uff15\uff10 | 50",
                "\u096b\u0966 | 50",
                "50\u0000 | 50",
                "50,1 | 50",
                "1,50 | 50",
                ",50 | 50",
                "'1, 50' | 50",
                "1,000 | 100",
                "1e9 | 100",
                "1e999999999 | 100",
                "1e-999999999 | 1",
                "1e99999999999 | 100",
                "Infinity | 100",
                "NaN | 100",
                "50d | 100",
                "0x32 | 100",
                "50 1 | 100",
                "50;1 | 100",
                "%zz | 100",
                "many | 100",
                "-50 | 1",
                "-Infinity | 100",
                "0 | 1",
                "' ' | 1"
            })
    void costIsWhatAnApplicationMayRead(String given, long permits) {
        assertEquals(
                permits,
                Cost.parse("{query:n} 1..100").permits(new RequestKeys(), new Asked(given, Map.of())),
                "of a query");
        assertEquals(
                permits,
                Cost.parse("{header:X-Cost} 1..100")
                        .permits(new RequestKeys(), new Asked(null, Map.of("X-Cost", List.of(given)))),
                "of a header");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{query:n} 1..100", "{header:X-Cost} 1..100", "{cookie:cost} 1..100"})
    void largestOfSeveralValuesCounts(String text) {
        for (List<String> values : List.of(
                List.of("1", "50"), List.of("50", "1"), List.of("", "50"), List.of("50", ""), List.of("1,2", "3,50"))) {
            assertEquals(50, Cost.parse(text).permits(new RequestKeys(), new Repeated(values)), values::toString);
        }
        assertEquals(1, Cost.parse(text).permits(new RequestKeys(), new Repeated(List.of("", ""))));
        assertEquals(100, Cost.parse(text).permits(new RequestKeys(), new Repeated(List.of("1", "x"))));
    }

    @Test
    void longNumberCostsTheUpperBound() {
        Cost cost = Cost.parse("{query:n} 1..100");
        RequestKeys keys = new RequestKeys();
        assertEquals(50, cost.permits(keys, new Asked("0".repeat(5_000) + "50", Map.of())));
        assertEquals(100, cost.permits(keys, new Asked("9".repeat(5_000), Map.of())));
        assertEquals(100, cost.permits(keys, new Asked(",".repeat(5_000) + "x", Map.of())));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "null",
            value = {
                "{body-size} / 1000 1..50 | 2001  | null                       | 3",
                "{body-size} / 1000 1..50 | null  | null                       | 1",
                "{body-size} / 1000 1..50 | null  | Transfer-Encoding: chunked | 50",
                "{body-size} / 1000 1..50 | 31    | Content-Encoding: gzip     | 50",
                "{body-size} / 1000 1..50 | 31    | Content-Encoding: br       | 50",
                "{body-size} / 1000 1..50 | null  | X-Content-Encoding: gzip   | 50",
                "{body-size} / 1000 2..50 | 0     | null                       | 2"
            })
    void bodyOfUnknownSizeCostsTheUpperBound(
            String text, @Nullable String length, @Nullable String header, long permits) {
        Map<String, List<String>> headers = new HashMap<>();
        if (length != null) {
            headers.put("Content-Length", List.of(length));
        }
        if (header != null) {
            headers.put(header.split(": ")[0], List.of(header.split(": ")[1]));
        }
        assertEquals(permits, Cost.parse(text).permits(new RequestKeys(), new Asked(null, headers)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"{body-size}", "{body-size} / 1024", "{body-size}/1"})
    void bodyWithoutUpperBoundIsRejected(String text) {
        assertEquals(
                "\"" + text
                        + "\" has no upper bound, which a body costs if its length is not known in advance; write one, "
                        + "as in \"{body-size} / 1024 1..1000\".",
                assertThrows(IllegalArgumentException.class, () -> Cost.parse(text))
                        .getMessage());
        assertEquals(Long.MAX_VALUE, Cost.parseOfMessage(text).most());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "-1",
                "1.5",
                "many",
                "{query:n} 10..1",
                "{query:n} / 0",
                "{query:n} 1..",
                "{query:n} x",
                "{nothing}",
                "{query:}",
                "a{query:n}"
            })
    void malformedCostIsRejected(String text) {
        assertThrows(IllegalArgumentException.class, () -> Cost.parse(text));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "null",
            value = {
                "#{ n }        | 7 | 7",
                "#{ n } | 0 | 0",
                "#{ n } | -7 | 1",
                "#{ n } | null | 1",
                "#{ n } | many | 9223372036854775807",
                "#{ n } | Infinity | 9223372036854775807",
                "#{ n } | \u0665\u0660 | 50",
                "#{ n } | 7.9 | 7",
                "#{ n }        | 99999999999999999999 | 9223372036854775807",
                "#{ n } | 1e999999999 | 9223372036854775807",
                "#{ n } 2..10  | 7 2..10 | 7",
                "#{ n } 2..10 | 1 2..10 | 2",
                "#{ n } 2..10 | 11 2..10 | 10",
                "#{ n } 2..10  | null 2..10 | 2",
                "#{ n } 2..10 | -7 2..10 | 2",
                "#{ n } 2..10 | many 2..10 | 10",
                "#{ n } 2..10 | Infinity 2..10 | 10",
                "#{ n } 2..10  | 1.0E7 2..10 | 10",
                "#{ n } 0..10 | 0 0..10 | 0",
                "#{ n } 0..10 | null 0..10 | 1",
                "#{ n } 2 .. 9 | 10 2 .. 9 | 9",
                "#{ n } 2..10 | null | 2"
            })
    void computedCostStaysWithinItsBounds(String text, @Nullable String computed, long permits) {
        assertEquals(permits, Cost.ofExpression(text).computed(computed));
    }

    @Test
    void computedCostMayBeANumber() {
        assertEquals(7, Cost.ofExpression("#{ n }").computed(7L));
        assertEquals(10, Cost.ofExpression("#{ n } 1..10").computed(12.5));
        assertEquals(10, Cost.ofExpression("#{ n } 1..10").computed(Double.NaN));
        assertEquals(10, Cost.ofExpression("#{ n } 1..10").computed(Double.POSITIVE_INFINITY));
    }

    @ParameterizedTest
    @ValueSource(strings = {"#{ n } 10..1", "#{ n } 1..", "#{ n } x", "#{ n } / 2", "#{ n }1..10", "#{ n } -1..10"})
    void malformedExpressionIsRejected(String text) {
        assertThrows(IllegalArgumentException.class, () -> Cost.ofExpression(text));
    }

    /** A request with one query parameter for all names. */
    private record Asked(@Nullable String parameter, Map<String, List<String>> headers) implements WebRequest {

        @Override
        public String address() {
            return "192.0.2.1";
        }

        @Override
        public @Nullable String header(String name) {
            return headers.containsKey(name) ? headers.get(name).get(0) : null;
        }

        @Override
        public @Nullable String query(String name) {
            return parameter;
        }
    }

    /** A request with the same values for every header, cookie and parameter. */
    private record Repeated(List<String> values) implements WebRequest {

        @Override
        public String address() {
            return "192.0.2.1";
        }

        @Override
        public List<String> headerLines(String name) {
            return values;
        }

        @Override
        public List<String> cookieValues(String name) {
            return values;
        }

        @Override
        public List<String> queryValues(String name) {
            return values;
        }
    }
}
