package io.github.micronautratelimit.web;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Map;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a request costs, and that it cannot make itself cheap. */
class CostTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "null", value = {
        "5                          | 7                    | 5", "0 | 7 | 0",
        "{query:n}                  | 7                    | 7", "{query:n} | null | 1", "{query:n} | many | 1",
        "{query:n}                  | 0                    | 1", "{query:n} | -7 | 1", "{query:n} | 1.5 | 1",
        "{query:n} 2..10            | 7                    | 7", "{query:n} 2..10 | 1 | 2", "{query:n} 2..10 | 11 | 10",
        "{query:n} 2..10            | 99999999999999999999 | 10", "{query:n} 2..10 | null | 2", "{query:n} 2 .. 10 | x | 2",
        "{query:n}                  | 99999999999999999999 | 9223372036854775807",
        "{query:n} 0..10            | 0                    | 0",
        "{query:n} / 1024           | 1                    | 1", "{query:n} / 1024 | 1024 | 1", "{query:n}/1024 | 1025 | 2",
        "{query:n} / 1024 1..100    | 9999999              | 100"})
    void aCostIsFixedOrGivenWithinBounds(String text, @Nullable String given, long permits) {
        assertEquals(permits, Cost.parse(text).permits(new RequestKeys(), new Asked(given, Map.of())));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "null", value = {
        "{body-size} / 1000       | 2001 | null    | 3", "{body-size} / 1000 | null | null | 1",
        "{body-size} / 1000 1..50 | null | chunked | 50", "{body-size} / 1000 | null | chunked | 1"})
    void aBodyOfUntoldSizeCostsTheMost(String text, @Nullable String length, @Nullable String encoding, long permits) {
        Map<String, String> headers = length != null ? Map.of("Content-Length", length)
                : encoding != null ? Map.of("Transfer-Encoding", encoding) : Map.of();
        assertEquals(permits, Cost.parse(text).permits(new RequestKeys(), new Asked(null, headers)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "-1", "1.5", "many", "{query:n} 10..1", "{query:n} / 0", "{query:n} 1..", "{query:n} x",
        "{nothing}", "{query:}", "a{query:n}"})
    void whatIsNoCostIsRefused(String text) {
        assertThrows(IllegalArgumentException.class, () -> Cost.parse(text));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "null", value = {
        "#{ n }        | 7 | 7", "#{ n } | 0 | 0", "#{ n } | -7 | 1", "#{ n } | null | 1", "#{ n } | many | 1", "#{ n } | 7.9 | 7",
        "#{ n }        | 99999999999999999999 | 9223372036854775807", "#{ n } | 1e999999999 | 9223372036854775807",
        "#{ n } 2..10  | 7 2..10 | 7", "#{ n } 2..10 | 1 2..10 | 2", "#{ n } 2..10 | 11 2..10 | 10",
        "#{ n } 2..10  | null 2..10 | 2", "#{ n } 2..10 | -7 2..10 | 2", "#{ n } 2..10 | many 2..10 | 2",
        "#{ n } 2..10  | 1.0E7 2..10 | 10", "#{ n } 0..10 | 0 0..10 | 0", "#{ n } 0..10 | null 0..10 | 1",
        "#{ n } 2 .. 9 | 10 2 .. 9 | 9", "#{ n } 2..10 | null | 2"})
    void whatIsComputedIsKeptWithinTheBoundsWrittenAfterIt(String text, @Nullable String computed, long permits) {
        assertEquals(permits, Cost.ofExpression(text).computed(computed));
    }

    @Test
    void aComputedNumberNeedsNoText() {
        assertEquals(7, Cost.ofExpression("#{ n }").computed(7L));
        assertEquals(10, Cost.ofExpression("#{ n } 1..10").computed(12.5));
        assertEquals(1, Cost.ofExpression("#{ n } 1..10").computed(Double.NaN));
    }

    @ParameterizedTest
    @ValueSource(strings = {"#{ n } 10..1", "#{ n } 1..", "#{ n } x", "#{ n } / 2", "#{ n }1..10", "#{ n } -1..10"})
    void whatIsNoExpressionWithBoundsIsRefused(String text) {
        assertThrows(IllegalArgumentException.class, () -> Cost.ofExpression(text));
    }

    /** A request with one query parameter for all names. */
    private record Asked(@Nullable String parameter, Map<String, String> headers) implements WebRequest {

        @Override
        public String address() {
            return "192.0.2.1";
        }

        @Override
        public @Nullable String userName() {
            return null;
        }

        @Override
        public @Nullable String header(String name) {
            return headers.get(name);
        }

        @Override
        public @Nullable String cookie(String name) {
            return null;
        }

        @Override
        public @Nullable String query(String name) {
            return parameter;
        }

        @Override
        public @Nullable String pathVariable(String name) {
            return null;
        }

        @Override
        public @Nullable String custom(String name) {
            return null;
        }
    }
}
