package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.micronautratelimit.limit.ConcurrencyLimit;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Checks the grammar of limits in {@code concepts.adoc}. */
class LimitTextTest {

    @Test
    void documentedUnitsAreAccepted() throws IOException {
        String row = Files.readString(Path.of("concepts.adoc"))
                .lines()
                .filter(line -> line.startsWith("|unit |"))
                .findFirst()
                .orElseThrow();
        String list = row.substring(0, row.indexOf('.'));
        List<Long> periods = Pattern.compile(";")
                .splitAsStream(list)
                .map(group -> Pattern.compile("`(\\w+)`")
                        .matcher(group)
                        .results()
                        .map(MatchResult::group)
                        .map(unit -> unit.replace("`", ""))
                        .map(unit -> period(unit))
                        .distinct()
                        .toList())
                .map(group -> {
                    assertEquals(1, group.size(), "units of one group are equal");
                    return group.get(0);
                })
                .toList();
        assertEquals(List.of(1L, 1_000L, 1_000_000L, 60_000_000L, 3_600_000_000L, 86_400_000_000L), periods);
    }

    private static long period(String unit) {
        long period = Limit.parse("1/" + unit).periodMicros();
        assertEquals(
                period, Limit.parse("1 / 1" + unit.toUpperCase(Locale.ROOT)).periodMicros());
        return period;
    }

    @Test
    void documentedBoundsAreThose() {
        assertEquals(Limit.MAX_PERMITS, Limit.parse("1000000000000/366day").permits());
        assertThrows(IllegalArgumentException.class, () -> Limit.parse("1000000000001/day"));
        assertThrows(IllegalArgumentException.class, () -> Limit.parse("1/367day"));
        assertEquals(1_000_000, ConcurrencyLimit.MAX_SLOTS);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "1/2week",
                "1/fortnight",
                "1/month from 32",
                "1/day Europe/Berln",
                "1/h UTC",
                "0/s",
                "1 000/s",
                "1/s burst",
                "5 concurrent lease 1ms"
            })
    void otherTextIsRejected(String text) {
        assertThrows(IllegalArgumentException.class, () -> LimitSet.parse(text));
    }
}
