package io.github.micronautratelimit.simulator.log;

import org.jspecify.annotations.Nullable;

/** Reads the lines of one file. A format may remember earlier lines, so each file has its own. Not thread-safe. */
public interface LineFormat {

    /**
     * Reads a line.
     *
     * @param line one line without its end
     * @return the request; {@link AccessRecord#NOT_A_REQUEST} for a comment; {@code null} if the line is unreadable
     */
    @Nullable
    AccessRecord parse(String line);

    /**
     * Returns whether lines of this format may contain a field.
     *
     * @param field a {@linkplain FieldName field}
     * @return {@code false} if no line can contain it
     */
    boolean mayContain(String field);
}
