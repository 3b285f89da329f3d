package io.github.micronautratelimit.benchmarks.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The comparison runs, and every limiter grants permits. */
class ComparisonRunsTest {

    @Test
    void everyLimiterGrants() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DynamoDbComparison.compare(150, "", new PrintStream(bytes, true, StandardCharsets.UTF_8));
        List<String> rows =
                bytes.toString(StandardCharsets.UTF_8).lines().skip(2).toList();
        assertEquals(26, rows.size());
        for (String row : rows) {
            String[] cells = row.split("\\|");
            assertTrue(Double.parseDouble(cells[6]) > 0 && Double.parseDouble(cells[7]) > 0, row);
        }
    }
}
