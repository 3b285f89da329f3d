package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What each step costs a backend, in a table of comma-separated values in an AsciiDoc file: the first one after the line
 * {@code // costs:NAME}. A test adds what it measures row by row; {@link #check} then fails if the table says something else, or
 * writes it anew where the system property {@code ratelimit.costs.write} is {@code true}. For use by one thread.
 */
public final class CostTable {

    private static final int ALWAYS_ABOUT = 8;

    private static final String FENCE = "|===";

    private final Path file;
    private final String name;
    private final List<List<Object>> rows = new ArrayList<>();

    /**
     * A table.
     *
     * @param file    where it stands
     * @param name    which of the tables there
     * @param columns their heads
     */
    public CostTable(Path file, String name, String... columns) {
        this.file = file;
        this.name = name;
        rows.add(List.of((Object[]) columns));
    }

    /** A number that need not be the same each time. */
    private record About(long number) {

        /** To within a tenth, or some few: times and ports take a digit more or less. */
        boolean is(String told) {
            return told.matches("\\d+") && Math.abs(Long.parseLong(told) - number) <= Math.max(ALWAYS_ABOUT, number / 10);
        }

        @Override
        public String toString() {
            return Long.toString(number);
        }
    }

    /**
     * A number that the file need say to within a tenth only, such as of bytes.
     *
     * @param number what was measured
     * @return a cell
     */
    public static Object about(long number) {
        return new About(number);
    }

    /**
     * Adds a row.
     *
     * @param cells what was measured, as {@link #about} gives it or to be told exactly; no comma in their texts
     */
    public void row(Object... cells) {
        rows.add(List.of(cells));
    }

    /** Compares what was measured with the table, or writes it. */
    public void check() {
        try {
            List<String> lines = new ArrayList<>(Files.readAllLines(file));
            int begin = lines.indexOf("// costs:" + name);
            assertTrue(begin >= 0, () -> file + " has no line \"// costs:" + name + "\"");
            int first = begin + lines.subList(begin, lines.size()).indexOf(FENCE) + 1;
            List<String> told = lines.subList(first, first + lines.subList(first, lines.size()).indexOf(FENCE));
            if (Boolean.getBoolean("ratelimit.costs.write")) {
                told.clear();
                lines.addAll(first, rows.stream().map(CostTable::text).toList());
                Files.write(file, lines);
            } else {
                compare(told);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void compare(List<String> told) {
        assertEquals(rows.size(), told.size(), () -> file + " has other rows than were measured:\n"
                + rows.stream().map(CostTable::text).collect(Collectors.joining("\n")));
        for (int i = 0; i < told.size(); i++) {
            List<Object> row = rows.get(i);
            String line = told.get(i);
            assertTrue(says(Arrays.asList(line.split(",", -1)), row), () -> file + " says\n" + line + "\nbut measured was\n"
                    + text(row) + "\nIf that is meant, write it anew with -Dratelimit.costs.write=true.");
        }
    }

    private static boolean says(List<String> told, List<Object> row) {
        boolean same = told.size() == row.size();
        for (int i = 0; same && i < told.size(); i++) {
            same = row.get(i) instanceof About about ? about.is(told.get(i)) : row.get(i).toString().equals(told.get(i));
        }
        return same;
    }

    private static String text(List<Object> row) {
        return row.stream().map(Object::toString).collect(Collectors.joining(","));
    }
}
