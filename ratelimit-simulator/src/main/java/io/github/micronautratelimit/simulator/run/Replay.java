package io.github.micronautratelimit.simulator.run;

import io.github.micronautratelimit.simulator.log.AccessRecord;
import io.github.micronautratelimit.simulator.log.FieldName;
import io.github.micronautratelimit.simulator.policy.Candidate;
import io.github.micronautratelimit.web.RequestPath;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Replays requests under candidates, each with counters of its own, at the times of the log. Uses the decision code of
 * the product. Memory is bounded by the number of keys; see {@link #bytesPerKey}. Not thread-safe.
 */
public final class Replay implements AutoCloseable {

    private static final int INTERVALS = 240;
    private static final int COURSE_INTERVALS = 48;
    private static final int CACHED_PATHS = 10_000;

    private final VirtualClock clock = new VirtualClock();
    private final TimeGrid grid = new TimeGrid(INTERVALS);
    private final TimeGrid courses = new TimeGrid(COURSE_INTERVALS);
    private final TimeCounts requestCourse = new TimeCounts(grid);
    private final TrafficLogs traffic;
    private final List<CandidateReplay> candidates;
    private final KeySample<ClientDenials> clients;
    private final Map<String, int[][]> matches = new HashMap<>();
    private final ClientNames names = new ClientNames(Candidate.IPV6_BITS);
    private final Set<String> unseen;
    private long number;
    private long firstMicros;

    /** The candidates that have denied a client. */
    static final class ClientDenials {

        private long candidates;

        boolean isDeniedBy(int candidate) {
            return (candidates >> candidate & 1) != 0;
        }
    }

    /** Receives every decision. */
    @FunctionalInterface
    public interface Observer {

        /**
         * Receives a decision.
         *
         * @param candidate the number of the candidate, from 0
         * @param record    the request
         * @param allowed   whether the candidate allows it
         */
        void decided(int candidate, AccessRecord record, boolean allowed);
    }

    private final Observer observer;

    /** The most candidates of a replay. */
    public static final int MOST_CANDIDATES = 32;

    /**
     * Creates a replay.
     *
     * @param candidates one candidate or more, at most {@value #MOST_CANDIDATES}
     * @param required   the fields that keys need
     * @param maxKeys    the most keys of one kind in memory; with more keys, numbers of keys are estimates
     * @param observer   receives every decision
     */
    public Replay(List<Candidate> candidates, Set<String> required, int maxKeys, Observer observer) {
        this.traffic = new TrafficLogs(maxKeys, courses);
        this.candidates = candidates.stream()
                .map(candidate -> new CandidateReplay(candidate, clock, traffic, maxKeys, grid))
                .toList();
        this.clients = new KeySample<>(maxKeys, client -> new ClientDenials());
        this.unseen = new HashSet<>(required);
        this.observer = observer;
    }

    /**
     * Returns the memory of one key under candidates, in bytes: what the report needs, and the counters of each
     * candidate.
     *
     * @param candidates the number of candidates
     */
    public static int bytesPerKey(int candidates) {
        return KeyTraffic.BYTES + 250 * candidates;
    }

    /**
     * Replays one request.
     *
     * @param record the request; one that is earlier than the last is decided at the time of the last
     */
    public void add(AccessRecord record) {
        clock.moveTo(record.micros());
        if (number == 0) {
            firstMicros = clock.micros();
        }
        number++;
        int interval = grid.index(clock.micros());
        requestCourse.add(interval, 1);
        if (!unseen.isEmpty()) {
            unseen.removeIf(field -> contains(record, field));
        }
        int[][] matched = matching(record);
        ClientDenials client = clients.of(names.of(record.client()));
        for (int i = 0; i < candidates.size(); i++) {
            boolean allowed = matched[i].length == 0 || candidates.get(i).decide(number, matched[i], record, interval);
            if (!allowed && client != null) {
                client.candidates |= 1L << i;
            }
            observer.decided(i, record, allowed);
        }
    }

    private static boolean contains(AccessRecord record, String field) {
        return record.decision() != null
                || record.values().containsKey(field)
                || field.equals(FieldName.USER) && record.user() != null
                || field.equals(FieldName.STATUS) && record.status() != 0;
    }

    private int[][] matching(AccessRecord record) {
        AccessRecord.RecordedDecision recorded = record.decision();
        String path = recorded == null ? record.path() : recorded.policy();
        String cached = recorded == null ? record.method() + ' ' + path : '\n' + path;
        int[][] known = matches.get(cached);
        if (known == null) {
            RequestPath readings = recorded == null ? new RequestPath(path) : null;
            known = candidates.stream()
                    .map(candidate ->
                            readings == null ? candidate.named(path) : candidate.matching(record.method(), readings))
                    .toArray(int[][]::new);
            if (matches.size() >= CACHED_PATHS) {
                matches.clear();
            }
            matches.put(cached, known);
        }
        return known;
    }

    /** Returns the required fields that no request had so far. */
    public Set<String> unseen() {
        return Set.copyOf(unseen);
    }

    /** Returns the number of requests so far. */
    public long requests() {
        return number;
    }

    long firstMicros() {
        return firstMicros;
    }

    long lastMicros() {
        return clock.micros();
    }

    TimeGrid grid() {
        return grid;
    }

    TimeCounts requestCourse() {
        return requestCourse;
    }

    TimeGrid courses() {
        return courses;
    }

    List<TrafficLog> traffic() {
        return traffic.all();
    }

    List<CandidateReplay> candidates() {
        return candidates;
    }

    KeySample<ClientDenials> clients() {
        return clients;
    }

    @Override
    public void close() {
        candidates.forEach(CandidateReplay::close);
    }

    /** Ignores decisions; for replays of which only the report is wanted. */
    public static final Observer NO_OBSERVER = (candidate, record, allowed) -> {};
}
