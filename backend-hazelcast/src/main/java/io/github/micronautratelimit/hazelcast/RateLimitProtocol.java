package io.github.micronautratelimit.hazelcast;

import com.hazelcast.nio.serialization.HazelcastSerializationException;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.SlotState;
import io.github.micronautratelimit.limit.StateCodec;
import java.util.ArrayList;
import java.util.List;

/**
 * Defines what instances and members of different versions must agree on: type ids, the version of the format, and
 * answers.
 *
 * <p>While members of different versions run side by side, no member may receive a form that it cannot read: it would
 * refuse calls and backups, and each grant would wait for seconds. Each member therefore tells the newest version that
 * it reads ({@link MemberChecks}), and all of them get the oldest of these.
 *
 * <p>An answer is a {@code long[]}, which members and clients can read without this library. It starts with the
 * version, and the instant of the charge of all its decisions, 0 if there is none. Each decision follows as: the number
 * of denying limits, their indexes in the policy, the remaining permits, the microseconds to wait, and the microseconds
 * until all permits are free. Instead of the number of denying limits, {@link #ALLOWED} marks a grant and
 * {@link #DENIED_BY_NONE} a denial by no limit.
 */
final class RateLimitProtocol {

    /** Far from the low ids that applications usually choose. */
    static final int FACTORY_ID = 1_380_739_437;

    static final int PERMIT_PROCESSOR_ID = 1;
    static final int STATE_WRITER_ID = 2;
    static final int MERGE_POLICY_ID = 3;
    static final int LIBRARY_CHECK_ID = 4;
    static final int SLOT_PROCESSOR_ID = 5;

    /**
     * The newest version of calls, backups, answers and states. This library reads all versions up to it, and writes
     * the newest one that all members read: the caller chooses it, and the member uses the version of the call.
     */
    static final int VERSION = 2;

    /** The first version with calendar quotas. */
    static final int CALENDAR_VERSION = 2;

    private static final int ALLOWED = 0;
    private static final int DENIED_BY_NONE = -1;
    /** The length of a decision without the indexes of denying limits. */
    private static final int DECISION_LENGTH = 4;
    /** The length of the version and the instant. */
    private static final int HEAD = 2;

    private RateLimitProtocol() {}

    /** Returns a version that this library reads. */
    static int requireVersion(int version) {
        if (version < 1 || version > VERSION) {
            throw new HazelcastSerializationException("Received version " + version
                    + " of the format of micronaut-ratelimit-hazelcast, but this instance reads version " + VERSION
                    + "; update this instance.");
        }
        return version;
    }

    /**
     * Encodes a state in a form that all libraries read which read this version. Only the state of a calendar quota has
     * a form that the first version does not read. An instance writes it by itself, so that members with that version
     * merely keep its bytes.
     */
    static byte[] write(int version, LimitState state) {
        requireVersion(version);
        return StateCodec.write(state);
    }

    /** Encodes slots in a form that all libraries read which read this version. All versions have one form. */
    static byte[] write(int version, SlotState slots) {
        requireVersion(version);
        return StateCodec.write(slots);
    }

    static HazelcastSerializationException unknown(String what) {
        return new HazelcastSerializationException("Received " + what
                + ", which this version of micronaut-ratelimit-hazelcast does not know; update this instance.");
    }

    /** Writes decisions as an answer. Iterates by index, to allocate no iterators. */
    static long[] writeDecisions(int version, List<Decision> decisions, List<Limit> limits) {
        int length = HEAD;
        for (int i = 0; i < decisions.size(); i++) {
            length += lengthOf(decisions.get(i));
        }
        long[] answer = new long[length];
        int next = 0;
        answer[next++] = version;
        answer[next++] = chargedAt(decisions);
        for (int i = 0; i < decisions.size(); i++) {
            Decision decision = decisions.get(i);
            List<Limit> deniedBy = decision.deniedBy();
            answer[next++] = decision.allowed() ? ALLOWED : deniedBy.isEmpty() ? DENIED_BY_NONE : deniedBy.size();
            for (int j = 0; j < deniedBy.size(); j++) {
                answer[next++] = limits.indexOf(deniedBy.get(j));
            }
            answer[next++] = decision.remaining();
            // An allowed request does not wait: the place has the time until the next permit. 0 if a member knows none.
            answer[next++] = decision.allowed() ? decision.nextPermitMicros() : decision.retryAfterMicros();
            answer[next++] = decision.resetAfterMicros();
        }
        return answer;
    }

    private static long chargedAt(List<Decision> decisions) {
        for (int i = 0; i < decisions.size(); i++) {
            if (decisions.get(i) instanceof Decision.Allowed allowed) {
                return allowed.chargedAtMicros();
            }
        }
        return Decision.Allowed.UNKNOWN_TIME;
    }

    static List<Decision> readDecisions(long[] answer, List<Limit> limits) {
        if (answer[0] < 1 || answer[0] > VERSION) {
            throw new NonRetryableStoreException(new IllegalStateException(
                    "The member that owns the key answered in version " + answer[0] + " of the format of "
                            + "micronaut-ratelimit-hazelcast, but this instance reads version " + VERSION
                            + "; update this instance."));
        }
        if (answer.length == HEAD) {
            return List.of();
        }
        Decision first = readDecision(answer, HEAD, limits);
        int next = HEAD + lengthOf(first);
        if (next == answer.length) {
            return List.of(first);
        }
        List<Decision> decisions = new ArrayList<>(answer.length / DECISION_LENGTH);
        decisions.add(first);
        while (next < answer.length) {
            Decision decision = readDecision(answer, next, limits);
            decisions.add(decision);
            next += lengthOf(decision);
        }
        return decisions;
    }

    private static Decision readDecision(long[] answer, int start, List<Limit> limits) {
        int denying = (int) answer[start];
        List<Limit> deniedBy = limitsAt(answer, start + 1, denying, limits);
        int next = start + 1 + deniedBy.size();
        long remaining = answer[next];
        long retryAfter = answer[next + 1];
        long resetAfter = answer[next + 2];
        return denying == ALLOWED
                ? new Decision.Allowed(
                        remaining,
                        resetAfter,
                        Decision.Source.STORE,
                        retryAfter == 0 ? resetAfter : retryAfter,
                        answer[1])
                : new Decision.Denied(remaining, retryAfter, resetAfter, deniedBy, Decision.Source.STORE);
    }

    private static int lengthOf(Decision decision) {
        return DECISION_LENGTH + decision.deniedBy().size();
    }

    private static List<Limit> limitsAt(long[] answer, int first, int count, List<Limit> limits) {
        if (count <= 0) {
            return List.of();
        }
        List<Limit> found = new ArrayList<>(count);
        for (int i = first; i < first + count; i++) {
            found.add(limits.get((int) answer[i]));
        }
        return List.copyOf(found);
    }
}
