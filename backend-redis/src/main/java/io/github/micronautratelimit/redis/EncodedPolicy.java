package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.SlidingWindow;
import io.github.micronautratelimit.limit.TokenBucket;
import io.github.micronautratelimit.redis.Script.UnsignedBytes;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;

/** A policy encoded for {@code decide.lua}, and the names of its keys in Redis. */
final class EncodedPolicy {

    /** With a namespace of nine characters and its colon, the name of a key then fits into 48 bytes in the server. */
    private static final int MAX_LABEL = 9;
    /** The characters that separate the parts of a key. */
    private static final Pattern RESERVED = Pattern.compile("[~:{}]");

    private static final Pattern NAMESPACE = Pattern.compile("[!-z|~]{1,64}");

    private static final int LABEL_END = 3;
    private static final int LABEL_HASH = 5;
    private static final int HASH = 22;
    /** The time of a sliding window in the script, in times of a token bucket, as measured. */
    private static final int SLIDING_WEIGHT = 3;
    /** The window before the present, the present, the next two, and the end of the last. */
    private static final int CALENDAR_STARTS = 5;

    final Policy policy;
    /** The time of a decision in the script, in times of a token bucket. */
    final int weight;

    private final byte[] prefix;
    private volatile EncodedLimits limits;

    /**
     * The limits with the windows of their calendar quotas around an instant.
     *
     * @param from the first instant with these windows
     * @param to   the first instant with other windows
     */
    private record EncodedLimits(byte[] bytes, long from, long to) {}

    private EncodedPolicy(String namespace, Policy policy) {
        this.policy = policy;
        this.prefix = (namespace + ":" + label(policy.stateName()) + ":{").getBytes(StandardCharsets.UTF_8);
        this.limits = encode(policy, 0);
        this.weight = Math.max(
                1,
                policy.rateLimits().stream()
                        .mapToInt(limit -> limit instanceof SlidingWindow ? SLIDING_WEIGHT : 1)
                        .sum());
    }

    /**
     * Returns the part of a key that names the policy. If the name is longer than nine characters or contains a tilde,
     * a colon or a brace, this is its last three characters without these, a tilde, and five characters of its hash.
     * Otherwise it is the name. A cluster would take a text in braces for the hash tag, and a colon would make the
     * policy {@code b:c} of the namespace {@code a} the policy {@code c} of the namespace {@code a:b}.
     */
    static String label(String name) {
        String plain = RESERVED.matcher(name).replaceAll("");
        return name.length() <= MAX_LABEL && name.equals(plain)
                ? name
                : plain.substring(Math.max(0, plain.length() - LABEL_END)) + "~"
                        + KeyHash.brief(name).substring(0, LABEL_HASH);
    }

    /** Returns the name of a key in Redis. */
    @SuppressWarnings("deprecation") // The hash is ASCII, so its low bytes are the whole text.
    byte[] keyName(String key) {
        byte[] name = new byte[prefix.length + HASH + 1];
        System.arraycopy(prefix, 0, name, 0, prefix.length);
        KeyHash.brief(key).getBytes(0, HASH, name, prefix.length);
        name[name.length - 1] = '}';
        return name;
    }

    /**
     * Returns the limits for the script. The windows of calendar quotas are those around an instant.
     *
     * @param now returns the present, in microseconds since the epoch; not called without calendar quotas
     */
    byte[] limits(LongSupplier now) {
        EncodedLimits known = limits;
        if (known.from == Long.MIN_VALUE) {
            return known.bytes;
        }
        long micros = now.getAsLong();
        if (micros < known.from || micros >= known.to) {
            known = encode(policy, micros);
            limits = known;
        }
        return known.bytes;
    }

    private static EncodedLimits encode(Policy policy, long micros) {
        long from = Long.MIN_VALUE;
        long to = Long.MAX_VALUE;
        ByteBuffer encoded = ByteBuffer.allocate(
                policy.rateLimits().stream().mapToInt(EncodedPolicy::size).sum());
        for (Limit limit : policy.rateLimits()) {
            if (limit instanceof FixedWindow quota && quota.calendar() != null) {
                long window = quota.windowAt(micros);
                from = Math.max(from, quota.startOf(window));
                to = Math.min(to, quota.startOf(window + 1));
                putCalendar(quota, window, encoded);
            } else {
                put(limit, encoded);
            }
        }
        return new EncodedLimits(encoded.array(), from, to);
    }

    private static void putCalendar(FixedWindow quota, long window, ByteBuffer encoded) {
        encoded.put((byte) 'c');
        UnsignedBytes.put(encoded, quota.permits(), 5);
        encoded.put(calendarId(quota));
        UnsignedBytes.put(encoded, window - 1, 3);
        for (int i = 0; i < CALENDAR_STARTS; i++) {
            UnsignedBytes.put(encoded, Math.max(0, quota.startOf(window - 1 + i)), 7);
        }
    }

    /** Returns what identifies the calendar of a quota in the states of the script: six bytes of a hash of its text. */
    private static byte[] calendarId(FixedWindow quota) {
        String hash = KeyHash.brief(String.valueOf(quota.calendar()));
        byte[] id = Base64.getUrlDecoder().decode(hash.substring(0, 8));
        // The script takes an empty period for a state of other software.
        id[0] |= 1;
        return id;
    }

    private static int size(Limit limit) {
        if (limit instanceof FixedWindow quota && quota.calendar() != null) {
            return 15 + 7 * CALENDAR_STARTS;
        }
        return limit instanceof TokenBucket ? 34 : 12;
    }

    private static void put(Limit limit, ByteBuffer encoded) {
        encoded.put((byte) (limit instanceof TokenBucket ? 't' : limit instanceof FixedWindow ? 'f' : 's'));
        UnsignedBytes.put(encoded, limit.permits(), 5);
        UnsignedBytes.put(encoded, limit.periodMicros(), 6);
        if (limit instanceof TokenBucket bucket) {
            int w = bytes(bucket.periodMicros());
            int v = bytes(bucket.burst());
            UnsignedBytes.put(encoded, bucket.burst(), 5);
            UnsignedBytes.put(encoded, divisor(bucket), 6);
            encoded.put((byte) (128 + 5 * (w - 1) + v - 1));
            encoded.put((">BI" + w + "I7I" + v + "I" + w).getBytes(StandardCharsets.US_ASCII));
        }
    }

    private static int bytes(long number) {
        return (Long.SIZE - Long.numberOfLeadingZeros(number) + Byte.SIZE - 1) / Byte.SIZE;
    }

    /** Returns the greatest common divisor of the permits and the period of a bucket. */
    static long divisor(TokenBucket bucket) {
        return bucket.periodMicros() / bucket.unitsPerPermit();
    }

    /** Encodes each policy once. It is cleared if a resolver creates more policies than it holds. */
    static final class Cache {

        private static final int MAX_POLICIES = 4096;

        private final String namespace;
        private final Map<Policy, EncodedPolicy> policies = new ConcurrentHashMap<>();

        /**
         * Creates an empty cache.
         *
         * @throws IllegalArgumentException if the namespace cannot be part of a key
         */
        Cache(String namespace) {
            requireNamespace(namespace);
            this.namespace = namespace;
        }

        static void requireNamespace(String namespace) {
            if (!NAMESPACE.matcher(namespace).matches()) {
                throw new IllegalArgumentException("The namespace \"" + namespace.replaceAll("\\p{Cntrl}", "?")
                        + "\" is not 1 to 64 ASCII characters without spaces and braces; write a name like \"shop\".");
            }
        }

        EncodedPolicy of(Policy policy) {
            EncodedPolicy known = policies.get(policy);
            if (known == null) {
                known = new EncodedPolicy(namespace, policy);
                if (policies.size() >= MAX_POLICIES) {
                    policies.clear();
                }
                policies.put(policy, known);
            }
            return known;
        }
    }
}
