package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.tck.GoldenTrace.Operation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class GoldenTracesTest {

    private static final Path TRACES = Path.of("src/main/resources/io/github/micronautratelimit/tck/traces");
    private static final long BEGIN = 1_790_000_000_000_000L;
    private static final String COLUMNS = "time_us,permits,allowed,remaining,retry_after_us,reset_after_us";

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"", " ", "${ratelimit.traces}"})
    void tracesOfTheJarAreTheDefault(String unset) throws IOException {
        List<String> names =
                GoldenTraces.read(unset).stream().map(GoldenTrace::name).toList();
        try (Stream<Path> files = Files.list(TRACES)) {
            assertEquals(
                    files.map(file -> file.getFileName().toString())
                            .filter(name -> name.endsWith(".csv"))
                            .sorted()
                            .toList(),
                    names,
                    "the index lists every trace");
        }
    }

    @Test
    void directoryReplacesTheTracesOfTheJar(@TempDir Path directory) throws IOException {
        Files.writeString(
                directory.resolve("mine.csv"),
                "# policy: token-bucket:5/1000000us:burst=9"
                        + " & token-bucket:7/60000000us & sliding-window:3/1us & fixed-window:2/3us\n"
                        + COLUMNS + "\n17,1,0,0,-1,3\n");
        assertEquals(
                List.of(new GoldenTrace(
                        "mine.csv",
                        Limit.parseAll("5/s burst 9; 7/min; 3/us sliding; 2/3us fixed"),
                        false,
                        List.of(new GoldenTrace.Row(
                                3, 17, Operation.ACQUIRE, 1, 0, new GoldenTrace.Answer(false, 0, -1, 3))))),
                GoldenTraces.read(directory.toString()));
    }

    /** {@code -Dtraces.write=true} writes the traces with all operations again, from the exact model. */
    @Test
    void tracesOfChargesAreThoseOfTheModel() throws IOException {
        for (int i = 0; i < 32; i++) {
            String name = "charges-%03d.csv".formatted(i);
            GoldenTrace trace = RandomTrace.of(name, i, BEGIN, 200);
            Path file = TRACES.resolve(name);
            if (Boolean.getBoolean("traces.write")) {
                Files.writeString(file, trace.text());
            }
            assertEquals(trace.text(), Files.readString(file));
            assertEquals(trace, GoldenTrace.parse(name, Files.readAllLines(file)));
        }
    }

    /** All in the past, because the rules of time zones change. */
    private static final List<String> CALENDARS = List.of(
            "2025-03-28T10:00:00Z 5/day Europe/Berlin",
            "2025-10-24T10:00:00Z 5/day Europe/Berlin",
            "2025-12-29T10:00:00Z 6/day Asia/Kathmandu",
            "2023-12-30T10:00:00Z 9/month from 31",
            "2025-01-29T10:00:00Z 9/month from 31 Europe/Berlin",
            "2024-12-26T10:00:00Z 8/week",
            "2025-03-06T10:00:00Z 8/week from sunday America/New_York",
            "2024-01-30T10:00:00Z 12/month",
            "2018-11-02T10:00:00Z 7/day America/Sao_Paulo",
            "2010-04-28T10:00:00Z 7/day Africa/Cairo",
            "2011-12-28T10:00:00Z 7/day Pacific/Apia",
            "2023-03-20T10:00:00Z 30/year from april Asia/Kolkata",
            "2025-04-03T10:00:00Z 5/day Australia/Lord_Howe",
            "2025-02-26T10:00:00Z 9/month from 30 Asia/Kathmandu; 4/day Asia/Kathmandu",
            "2025-02-26T10:00:00Z 9/month from 31 Europe/Berlin; 3/min; 8/week",
            "2010-11-05T10:00:00Z 6/day America/St_Johns; 9/day fixed");

    /** {@code -Dtraces.write=true} writes these traces too. */
    @Test
    void tracesOfCalendarsAreThoseOfTheModel() throws IOException {
        for (int i = 0; i < CALENDARS.size(); i++) {
            String name = "calendar-%03d.csv".formatted(i);
            String[] parts = CALENDARS.get(i).split(" ", 2);
            long begin = Instant.parse(parts[0]).getEpochSecond() * 1_000_000;
            GoldenTrace trace = RandomTrace.ofCalendar(name, i, Limit.parseAll(parts[1]), begin, 160);
            Path file = TRACES.resolve(name);
            if (Boolean.getBoolean("traces.write")) {
                Files.writeString(file, trace.text());
            }
            assertEquals(trace.text(), Files.readString(file));
            assertEquals(trace, GoldenTrace.parse(name, Files.readAllLines(file)));
        }
    }

    @Test
    void directoryWithoutTracesFails(@TempDir Path directory) {
        assertThrows(IllegalStateException.class, () -> GoldenTraces.read(directory.toString()));
        assertThrows(
                IllegalStateException.class,
                () -> GoldenTraces.read(directory.resolve("missing").toString()));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "# policy: fixed-window:2/3us\n" + COLUMNS,
                "# policy: fixed-window:2/3us\n1,1,1,1,0,1\n1,1,1,1,0,1",
                "# policy: fixed-window:2/3us:burst=2\n" + COLUMNS + "\n1,1,1,1,0,1",
                "# policy: calendar-window:2/fortnight:zone=UTC\n" + COLUMNS + "\n1,1,1,1,0,1",
                "# policy: calendar-window:2/month:anchor=3\n" + COLUMNS + "\n1,1,1,1,0,1",
                "# policy: leaky:2/3us\n" + COLUMNS + "\n1,1,1,1,0,1",
                "# policy: fixed-window:2/3us\n" + COLUMNS + "\n1,1,yes,1,0,1",
                "# policy: fixed-window:2/3us\n" + COLUMNS + "\n1,1,1,1,0",
                "# policy: fixed-window:2/3us\n" + COLUMNS + "\n1,1,1,one,0,1"
            })
    void malformedTraceFails(String text) {
        assertThrows(
                IllegalArgumentException.class,
                () -> GoldenTrace.parse("mine.csv", text.lines().toList()));
    }
}
