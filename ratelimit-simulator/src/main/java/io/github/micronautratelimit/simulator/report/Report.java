package io.github.micronautratelimit.simulator.report;

import java.util.List;

/**
 * The result of a replay. Immutable.
 *
 * @param input      the log
 * @param candidates the results of the candidates, in their order
 * @param timeline   requests and denials over time
 * @param traffic    the requests of each key and path
 * @param notes      sentences on what the reader must know
 * @param partial    whether the replay was interrupted
 */
public record Report(
        Input input,
        List<CandidateSummary> candidates,
        Timeline timeline,
        List<Traffic> traffic,
        List<String> notes,
        boolean partial) {

    /**
     * The log.
     *
     * @param files       the names of the files
     * @param lines       the number of lines
     * @param requests    the number of requests
     * @param unreadable  the number of lines that could not be read
     * @param firstMicros the time of the first request, in microseconds since the epoch
     * @param lastMicros  the time of the last request
     * @param clients     the number of clients
     * @param estimated   whether the number of clients is an estimate
     */
    public record Input(
            List<String> files,
            long lines,
            long requests,
            long unreadable,
            long firstMicros,
            long lastMicros,
            long clients,
            boolean estimated) {}

    /**
     * The result of a candidate.
     *
     * @param name          the name
     * @param limits        its policies as text
     * @param requests      the number of requests to which a limit applied
     * @param denied        the number of these that were denied
     * @param clients       the number of all clients
     * @param clientsDenied the number of clients that were denied at least once
     */
    public record CandidateSummary(
            String name, List<String> limits, long requests, long denied, long clients, long clientsDenied) {

        /** Returns the share of denied requests, 0 to 1. */
        public double deniedShare() {
            return share(denied, requests);
        }

        /** Returns the share of clients that were denied at least once, 0 to 1. */
        public double clientsDeniedShare() {
            return share(clientsDenied, clients);
        }
    }

    /**
     * Counts over time.
     *
     * @param startMicros the beginning of the first interval
     * @param widthMicros the length of each interval
     * @param requests    the requests of each interval
     * @param denied      the denied requests of each interval, for each candidate
     */
    public record Timeline(long startMicros, long widthMicros, List<Long> requests, List<List<Long>> denied) {}

    /**
     * Requests that are counted by the same key.
     *
     * @param name      the key and the path
     * @param requests  the number of requests
     * @param keys      the number of keys
     * @param sampling  1 if all keys are known; n if one of n keys was replayed for the estimates
     * @param rules     the rules of candidates on these requests
     * @param tradeOffs the trade-off between limit and denials, for each period
     * @param bursts    the busiest second and minute of keys
     * @param advice    the smallest limits that touch few keys, for each period
     * @param topKeys   the keys with most denials and requests
     * @param attackers the number of likely attackers
     */
    public record Traffic(
            String name,
            long requests,
            long keys,
            int sampling,
            List<RuleSummary> rules,
            List<TradeOff> tradeOffs,
            List<Histogram> bursts,
            List<Advice> advice,
            List<KeyRow> topKeys,
            long attackers) {}

    /**
     * A rule of a candidate.
     *
     * @param candidate  the name of the candidate
     * @param policy     the name of the policy
     * @param limits     its limits as text
     * @param denied     the number of requests that it denied
     * @param keysDenied the number of keys that it denied at least once
     */
    public record RuleSummary(String candidate, String policy, String limits, long denied, long keysDenied) {}

    /**
     * The effect of each limit of a period.
     *
     * @param period the period, such as {@code min}
     * @param steps  the limits in ascending order
     */
    public record TradeOff(String period, List<Step> steps) {}

    /**
     * The effect of one limit.
     *
     * @param limit        the permits per period, which are also the burst
     * @param deniedShare  the share of requests that it denies, 0 to 1
     * @param touchedShare the share of keys that it denies at least once, 0 to 1
     * @param burstNeeded  the smallest burst with which the limit denies at most the wanted share of keys that are not
     *                     likely attackers
     */
    public record Step(long limit, double deniedShare, double touchedShare, long burstNeeded) {}

    /**
     * The largest number of requests of keys in a period.
     *
     * @param period the period
     * @param bins   the ranges of numbers in ascending order
     */
    public record Histogram(String period, List<Bin> bins) {}

    /**
     * A range of a histogram.
     *
     * @param from the first number
     * @param to   the last number
     * @param keys the number of keys
     */
    public record Bin(long from, long to, long keys) {}

    /**
     * The smallest limit that touches few keys.
     *
     * @param period    the period
     * @param limit     the limit as text; empty if none of the tried limits is large enough
     * @param touched   the number of keys that it touches, without likely attackers
     * @param keys      the number of keys, without likely attackers
     * @param attackers the number of likely attackers that it touches
     * @param examples  the keys that it touches, those with most requests first
     */
    public record Advice(
            String period, String limit, long touched, long keys, long attackers, List<TouchedKey> examples) {}

    /**
     * A key that a limit touches.
     *
     * @param key      the key or its hash
     * @param requests the number of its requests
     * @param attacker whether it is a likely attacker
     */
    public record TouchedKey(String key, long requests, boolean attacker) {}

    /**
     * A key with many denials or requests.
     *
     * @param key            the key or its hash
     * @param requests       the number of its requests
     * @param denied         the number of its denied requests, for each rule
     * @param peakMinute     the most requests in one minute
     * @param errorShare     the share of requests that failed with a client error, 0 to 1
     * @param attack         the reason why the key is a likely attacker; empty if it is not
     * @param timeline       its requests over time
     * @param deniedTimeline its requests over time that the first rule denied
     */
    public record KeyRow(
            String key,
            long requests,
            List<Long> denied,
            long peakMinute,
            double errorShare,
            String attack,
            List<Long> timeline,
            List<Long> deniedTimeline) {}

    static double share(long part, long whole) {
        return whole == 0 ? 0 : (double) part / whole;
    }
}
