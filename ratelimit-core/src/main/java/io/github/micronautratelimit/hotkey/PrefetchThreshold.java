package io.github.micronautratelimit.hotkey;

/**
 * The requests of a key per period from which on prefetching is tried under a policy. A batch costs a call, and one
 * more to return what is not used, so it pays only if several requests use it. If a key made more calls than it saved,
 * keys must be requested twice as often as that one was; every minute halves that number again. If prefetching saves
 * calls for keys that just reach the number, it falls step by step.
 *
 * <p>Safe for use by any number of threads.
 */
final class PrefetchThreshold {

    /** Random requests that are this frequent by chance only are too rare to matter. */
    static final long FIRST = 6;

    private static final long MIN = 2;
    private static final long MAX = 1_000_000;
    private static final long SAVED_PER_STEP = 8;
    private static final long MEMORY_MICROS = 60_000_000;

    private long requests = FIRST;
    private long saved;
    private long changedAt;

    /** Returns whether a key is requested often enough to prefetch for it. */
    synchronized boolean isReached(long requestsPerPeriod, long now) {
        if (requests > FIRST && now - changedAt >= MEMORY_MICROS) {
            requests = Math.max(FIRST, requests / 2);
            changedAt = now;
        }
        return requestsPerPeriod >= requests;
    }

    /** Records that prefetching has saved calls for a key that was requested this often. */
    synchronized void paid(long calls, long requestsPerPeriod) {
        if (requestsPerPeriod >= 2 * requests) {
            // Says nothing about keys that are requested less often.
            return;
        }
        saved += calls;
        if (saved >= SAVED_PER_STEP) {
            requests = Math.max(MIN, requests - 1);
            saved = 0;
        }
    }

    /** Records that prefetching did not pay for a key that was requested this often. */
    synchronized void didNotPay(long requestsPerPeriod, long now) {
        requests = Math.min(MAX, Math.max(requests, 2 * requestsPerPeriod));
        saved = 0;
        changedAt = now;
    }
}
