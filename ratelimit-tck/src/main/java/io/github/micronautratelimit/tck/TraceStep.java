package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.tck.GoldenTrace.Answer;
import io.github.micronautratelimit.tck.GoldenTrace.Row;

/** Executes the rows of a trace, one after the other. */
@FunctionalInterface
interface TraceStep {

    /** Executes a row; returns the answer, which need not be that of the row. */
    Answer execute(Row row);
}
