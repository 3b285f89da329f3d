package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.opentest4j.AssertionFailedError;

class CostTableTest {

    @TempDir
    private Path directory;

    private Path chapter(String... rows) throws IOException {
        return Files.writeString(
                directory.resolve("chapter.adoc"),
                "before\n// costs:other\n|===\nStep\n|===\n// costs:mine\n[%header]\n|===\n" + String.join("\n", rows)
                        + "\n|===\nafter\n");
    }

    private static CostTable measured(Path chapter, long calls, long bytes) {
        CostTable table = new CostTable(chapter, "mine", "Step", "Calls", "Bytes");
        table.row("grant", calls, CostTable.about(bytes));
        return table;
    }

    @ParameterizedTest
    @CsvSource({"1, 200", "1, 182", "1, 222"})
    void matchingTablePasses(long calls, long bytes) throws IOException {
        measured(chapter("Step,Calls,Bytes", "grant,1,200"), calls, bytes).check();
    }

    @ParameterizedTest
    @CsvSource({"2, 200", "1, 180", "1, 223", "0, 0"})
    void differentNumbersFail(long calls, long bytes) throws IOException {
        Path chapter = chapter("Step,Calls,Bytes", "grant,1,200");
        assertThrows(AssertionFailedError.class, measured(chapter, calls, bytes)::check);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "Step,Calls;grant,1,200",
                "Step,Calls,Bytes;grant,1,200,5",
                "Step,Calls,Bytes;grant,1,many",
                "Step,Calls,Bytes;Grant,1,200"
            })
    void differentRowsFail(String head, String row) throws IOException {
        assertThrows(AssertionFailedError.class, measured(chapter(head, row), 1, 200)::check);
        assertThrows(AssertionFailedError.class, measured(chapter(head), 1, 200)::check);
    }

    @Test
    void missingTableFails() throws IOException {
        CostTable table = new CostTable(chapter("Step"), "missing", "Step");
        assertThrows(AssertionFailedError.class, table::check);
    }

    @Test
    void tableIsWrittenIfThePropertyIsSet() throws IOException {
        Path chapter = chapter("Step,Calls,Bytes", "grant,1,200", "denial,1,300");
        System.setProperty("ratelimit.costs.write", "true");
        try {
            measured(chapter, 2, 400).check();
        } finally {
            System.clearProperty("ratelimit.costs.write");
        }
        assertEquals(
                List.of(
                        "before",
                        "// costs:other",
                        "|===",
                        "Step",
                        "|===",
                        "// costs:mine",
                        "[%header]",
                        "|===",
                        "Step,Calls,Bytes",
                        "grant,2,400",
                        "|===",
                        "after"),
                Files.readAllLines(chapter));
    }
}
