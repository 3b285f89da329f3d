package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimitBackend.SharedRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Small texts that an operator changes for all instances. No concurrent change is lost. */
interface SharedRecordContract extends Contract {

    int OPERATORS = 4;
    int EDITS = 5;

    private TestCase newRecordCase() {
        TestCase testCase = newTestCase();
        if (!testCase.store.keepsRecords()) {
            testCase.close();
        }
        assumeTrue(testCase.store.keepsRecords());
        return testCase;
    }

    private static String uniqueName() {
        return "tck-" + UUID.randomUUID();
    }

    private static SharedRecord connect(TestCase testCase, String name) {
        return testCase.store.connect(testCase.clock).sharedRecord(name);
    }

    private static <T> T get(CompletionStage<T> stage) {
        return stage.toCompletableFuture().join();
    }

    /** Adds a line as an operator does: reads, replaces, and reads again if another operator was faster. */
    private static void addLine(SharedRecord record, String line) {
        String read;
        do {
            read = get(record.read());
        } while (!get(record.replace(read, read + line + "\n")));
    }

    @Test
    default void recordIsReadByAnotherInstance() {
        try (TestCase testCase = newRecordCase()) {
            String name = uniqueName();
            SharedRecord other = connect(testCase, name);
            assertEquals("", get(other.read()));
            String text = "{\"key\": \"\u00e9 \ud83d\ude00\"}\r\n\0 '%s' {}";
            SharedRecord record = connect(testCase, name);
            assertTrue(get(record.replace("", text)));
            assertEquals(text, get(other.read()));
            assertTrue(get(other.replace(text, "second")));
            assertEquals("second", get(record.read()));
            assertEquals("", get(connect(testCase, uniqueName()).read()));
        }
    }

    @Test
    default void replacementOfOutdatedTextChangesNothing() {
        try (TestCase testCase = newRecordCase()) {
            SharedRecord record = connect(testCase, uniqueName());
            assertFalse(get(record.replace("never written", "text")));
            assertTrue(get(record.replace("", "first")));
            assertFalse(get(record.replace("", "second")));
            assertFalse(get(record.replace("", "")));
            assertFalse(get(record.replace("First", "second")));
            assertFalse(get(record.replace("firs", "")));
            assertEquals("first", get(record.read()));
        }
    }

    @Test
    default void emptiedRecordIsLikeOneThatWasNeverWritten() {
        try (TestCase testCase = newRecordCase()) {
            SharedRecord record = connect(testCase, uniqueName());
            assertTrue(get(record.replace("", "")));
            for (String text : List.of("first", "second")) {
                assertTrue(get(record.replace("", text)));
                assertTrue(get(record.replace(text, "")));
                assertEquals("", get(record.read()));
                assertFalse(get(record.replace(text, "third")));
            }
        }
    }

    @Test
    default void concurrentChangesOfSeveralOperatorsAreAllKept() {
        try (TestCase testCase = newRecordCase()) {
            String name = uniqueName();
            Set<String> lines = new TreeSet<>();
            List<CompletableFuture<Void>> operators = new ArrayList<>();
            for (int i = 0; i < OPERATORS; i++) {
                SharedRecord record = connect(testCase, name);
                List<String> own = new ArrayList<>();
                for (int edit = 0; edit < EDITS; edit++) {
                    own.add(i + "-" + edit);
                }
                lines.addAll(own);
                CompletableFuture<Void> done = new CompletableFuture<>();
                Thread thread = new Thread(() -> {
                    try {
                        own.forEach(line -> addLine(record, line));
                        done.complete(null);
                    } catch (RuntimeException e) {
                        done.completeExceptionally(e);
                    }
                });
                thread.setDaemon(true);
                thread.start();
                operators.add(done);
            }
            operators.forEach(CompletableFuture::join);
            List<String> kept = get(connect(testCase, name).read()).lines().toList();
            assertEquals(lines, new TreeSet<>(kept));
            assertEquals(lines.size(), kept.size());
        }
    }

    @Test
    default void recordHasABoundedLength() {
        try (TestCase testCase = newRecordCase()) {
            SharedRecord record = connect(testCase, uniqueName());
            String longest = "\u00e9".repeat(SharedRecord.MAX_BYTES / 2);
            assertTrue(get(record.replace("", longest)));
            CompletionException refused =
                    assertThrows(CompletionException.class, () -> get(record.replace(longest, longest + "x")));
            assertInstanceOf(NonRetryableStoreException.class, refused.getCause());
            assertEquals(longest, get(record.read()));
            assertTrue(get(record.replace(longest, "")));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a b", "a:b", "{a}", "\u00e9", "a\nb"})
    default void malformedNameIsRefused(String name) {
        try (TestCase testCase = newRecordCase()) {
            RateLimitBackend backend = testCase.store.connect(testCase.clock);
            assertThrows(IllegalArgumentException.class, () -> backend.sharedRecord(name));
        }
    }
}
