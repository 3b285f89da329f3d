package io.github.micronautratelimit.redis;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import io.github.micronautratelimit.FixedWindow;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.TokenBucket;

/** A policy as {@code decide.lua} reads it, and the names of its keys. */
final class Terms {

    /** With ten characters of namespace and colon, a key's name then fits in 48 bytes of the server's memory. */
    private static final int LONGEST_LABEL = 9;
    private static final int LABEL_END = 3;
    private static final int LABEL_HASH = 5;
    private static final int HASH = 22;

    final Policy policy;
    final byte[] limits;
    private final byte[] prefix;

    private Terms(String namespace, Policy policy) {
        this.policy = policy;
        this.prefix = (namespace + ":" + label(policy.name()) + ":{").getBytes(StandardCharsets.UTF_8);
        ByteBuffer packed = ByteBuffer.allocate(policy.limits().stream().mapToInt(Terms::size).sum());
        policy.limits().forEach(limit -> pack(limit, packed));
        this.limits = packed.array();
    }

    /**
     * What a key's name says of a policy: its name, or if that is longer than nine characters or has a tilde, its last
     * three characters, a tilde and five of its hash.
     */
    static String label(String name) {
        return name.length() <= LONGEST_LABEL && name.indexOf('~') < 0 ? name
                : name.substring(Math.max(0, name.length() - LABEL_END)) + "~"
                        + KeyHash.brief(name).substring(0, LABEL_HASH);
    }

    /** The name of a key in Redis. */
    @SuppressWarnings("deprecation") // Of a text that is all ASCII, the low bytes are all bytes.
    byte[] name(String key) {
        byte[] name = new byte[prefix.length + HASH + 1];
        System.arraycopy(prefix, 0, name, 0, prefix.length);
        KeyHash.brief(key).getBytes(0, HASH, name, prefix.length);
        name[name.length - 1] = '}';
        return name;
    }

    private static int size(Limit limit) {
        return limit instanceof TokenBucket ? 34 : 12;
    }

    private static void pack(Limit limit, ByteBuffer packed) {
        packed.put((byte) (limit instanceof TokenBucket ? 't' : limit instanceof FixedWindow ? 'f' : 's'));
        Packed.put(packed, limit.permits(), 5);
        Packed.put(packed, limit.periodMicros(), 6);
        if (limit instanceof TokenBucket bucket) {
            int w = bytes(bucket.periodMicros());
            int v = bytes(bucket.burst());
            Packed.put(packed, bucket.burst(), 5);
            Packed.put(packed, divisor(bucket), 6);
            packed.put((byte) (128 + 5 * (w - 1) + v - 1));
            packed.put((">BI" + w + "I7I" + v + "I" + w).getBytes(StandardCharsets.US_ASCII));
        }
    }

    private static int bytes(long number) {
        return (Long.SIZE - Long.numberOfLeadingZeros(number) + Byte.SIZE - 1) / Byte.SIZE;
    }

    /** The greatest common divisor of a bucket's permits and period. */
    static long divisor(TokenBucket bucket) {
        return bucket.periodMicros() / bucket.unitsPerPermit();
    }

    /** The terms of policies seen before: few, as policies are configured and not made up. */
    static final class Known {

        private static final int MOST = 4096;

        private final String namespace;
        private final Map<Policy, Terms> terms = new ConcurrentHashMap<>();

        Known(String namespace) {
            this.namespace = namespace;
        }

        Terms of(Policy policy) {
            Terms known = terms.get(policy);
            if (known == null) {
                known = new Terms(namespace, policy);
                if (terms.size() >= MOST) {
                    terms.clear();
                }
                terms.put(policy, known);
            }
            return known;
        }
    }
}
