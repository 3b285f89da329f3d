package io.github.micronautratelimit.hazelcast;

import java.util.ArrayList;
import java.util.List;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.RateLimitDefectException;

/**
 * Decisions as numbers, which every member and client can carry: the form, then for each decision how many limits denied
 * and their places in the policy, the remaining permits, the time to wait if denied, and the time until all are back.
 */
final class Answer {

    private static final int FORM = 1;

    private Answer() {
    }

    static long[] write(List<Decision> decisions, List<Limit> limits) {
        long[] numbers = new long[1 + decisions.stream().mapToInt(each -> 4 + each.deniedBy().size()).sum()];
        int next = 0;
        numbers[next++] = FORM;
        for (Decision decision : decisions) {
            numbers[next++] = decision.deniedBy().size();
            for (Limit denying : decision.deniedBy()) {
                numbers[next++] = limits.indexOf(denying);
            }
            numbers[next++] = decision.remaining();
            numbers[next++] = decision.retryAfterMicros();
            numbers[next++] = decision.resetAfterMicros();
        }
        return numbers;
    }

    static List<Decision> read(long[] numbers, List<Limit> limits) {
        if (numbers[0] != FORM) {
            throw new RateLimitDefectException(new IllegalStateException("the member that owns the key answered in form "
                    + numbers[0] + ", but this instance reads form " + FORM + ": update micronaut-ratelimit-hazelcast "
                    + "here."));
        }
        List<Decision> decisions = new ArrayList<>();
        int next = 1;
        while (next < numbers.length) {
            int denying = (int) numbers[next++];
            List<Limit> deniedBy = new ArrayList<>(denying);
            for (int i = 0; i < denying; i++) {
                deniedBy.add(limits.get((int) numbers[next++]));
            }
            long remaining = numbers[next++];
            long retryAfter = numbers[next++];
            long resetAfter = numbers[next++];
            decisions.add(denying == 0
                    ? new Decision.Allowed(remaining, resetAfter, Decision.Source.STORE)
                    : new Decision.Denied(remaining, retryAfter, resetAfter, List.copyOf(deniedBy),
                            Decision.Source.STORE));
        }
        return decisions;
    }
}
