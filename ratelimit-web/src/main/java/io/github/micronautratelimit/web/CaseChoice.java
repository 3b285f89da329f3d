package io.github.micronautratelimit.web;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.web.CaseCondition.Match;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the value of the first case that matches a request. Calls neither a store nor code of the application, other
 * than the request. Safe for use by any number of threads.
 *
 * <p>If components may read the path of a request in different ways, such as {@code /public/..%2fadmin}, a case may
 * match in one reading and not in another. The values of all such cases are chosen, so that a client cannot avoid a
 * case by another notation of the path.
 *
 * @param <T> the type of the values
 */
public final class CaseChoice<T> {

    private final List<List<CaseCondition>> conditions;
    /** The same as arrays, which every request reads. */
    private final CaseCondition[][] tests;

    private final List<T> values;
    /** The value of each case as a list, so that the choice of one allocates nothing. */
    private final List<List<T>> single;

    private final List<AddressRange> exempt;
    private final AddressRange[] exemptRanges;
    private final boolean readsAddress;
    private final boolean ofUser;
    private final boolean needsRequest;

    CaseChoice(List<List<CaseCondition>> conditions, List<T> values, List<AddressRange> exempt) {
        this.conditions = conditions;
        this.tests = conditions.stream()
                .map(list -> list.toArray(new CaseCondition[0]))
                .toArray(CaseCondition[][]::new);
        this.values = values;
        this.single = values.stream().<List<T>>map(List::of).toList();
        this.exempt = exempt;
        this.exemptRanges = exempt.toArray(new AddressRange[0]);
        this.readsAddress = !exempt.isEmpty()
                || conditions.stream().flatMap(List::stream).anyMatch(CaseCondition.Client.class::isInstance);
        this.ofUser = conditions.stream().flatMap(List::stream).anyMatch(CaseCondition::isOfUser);
        this.needsRequest = !exempt.isEmpty()
                || conditions.stream().flatMap(List::stream).anyMatch(condition -> !(condition instanceof TimeOfDay));
    }

    /**
     * Makes a table of the same cases that chooses among other values.
     *
     * @param other returns the other value of a case
     * @param <R>   the type of the other values
     * @return the table
     */
    public <R> CaseChoice<R> map(Function<T, R> other) {
        List<R> mapped = new ArrayList<>();
        values.forEach(value -> mapped.add(other.apply(value)));
        return new CaseChoice<>(conditions, List.copyOf(mapped), exempt);
    }

    /**
     * Returns whether a case depends on the authenticated user.
     *
     * @return {@code true} if a case can be chosen only after authentication
     */
    public boolean isOfUser() {
        return ofUser;
    }

    /**
     * Returns whether a case can be chosen only for a request.
     *
     * @return {@code false} if only the time decides
     */
    public boolean needsRequest() {
        return needsRequest;
    }

    /**
     * Returns the values of all cases.
     *
     * @return the values in the order of the cases
     */
    public List<T> values() {
        return values;
    }

    /**
     * Chooses the value for a request.
     *
     * @param request the request
     * @param clock   the time
     * @return the value of the first case that matches; several for an ambiguous path; empty if the client is exempt
     */
    public List<T> of(WebRequest request, MicroClock clock) {
        AddressBits client = readsAddress ? AddressBits.of(request.address()) : null;
        if (client != null && isExempt(client)) {
            return List.of();
        }
        List<T> possible = null;
        for (int i = 0; i < tests.length; i++) {
            Match match = match(tests[i], request, client, clock);
            if (match == Match.MAYBE) {
                possible = possible == null ? new ArrayList<>() : possible;
                possible.add(values.get(i));
            } else if (match == Match.YES) {
                if (possible == null) {
                    return single.get(i);
                }
                possible.add(values.get(i));
                return possible;
            }
        }
        // The cases match every request, so this is reached only if the user changes while they are read.
        return single.get(single.size() - 1);
    }

    private static Match match(
            CaseCondition[] tests, WebRequest request, @Nullable AddressBits client, MicroClock clock) {
        Match match = Match.YES;
        for (CaseCondition test : tests) {
            Match next = test.test(request, client, clock);
            if (next == Match.NO) {
                return Match.NO;
            }
            match = next == Match.MAYBE ? Match.MAYBE : match;
        }
        return match;
    }

    private boolean isExempt(AddressBits client) {
        for (AddressRange range : exemptRanges) {
            if (range.contains(client)) {
                return true;
            }
        }
        return false;
    }
}
