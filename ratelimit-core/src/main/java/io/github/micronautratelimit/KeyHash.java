package io.github.micronautratelimit;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Objects;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Hashes keys, so that stores, logs and listeners receive short texts without readable identities. Short keys can be
 * found by trying all of them; {@link Secret} prevents that.
 *
 * <p>The hash is SHA-256 (FIPS 180-4) of the UTF-16 code units of the key, high byte first. A character encoding would
 * replace unpaired surrogates and give different keys the same hash.
 */
public final class KeyHash {

    /** The longest key that {@link #bounded} keeps as it is, in characters. */
    public static final int LONGEST_PLAIN_KEY = 64;

    private static final HexFormat HEX = HexFormat.of();
    private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();
    private static final int CHUNK = 4096;

    private KeyHash() {}

    /**
     * Hashes a key.
     *
     * @param key any text of any length
     * @return 64 hexadecimal digits
     */
    public static String of(String key) {
        return HEX.formatHex(digest(key));
    }

    /**
     * Hashes a key into few characters, for names that are stored many times: the first 128 bits of {@link #of} in
     * base64 for URLs (RFC 4648, section 5).
     *
     * @param key any text of any length
     * @return 22 letters, digits, {@code -} and {@code _}
     */
    public static String brief(String key) {
        return BASE64.encodeToString(Arrays.copyOf(digest(key), 16));
    }

    /**
     * Bounds the memory of a key in a map.
     *
     * @param key any text of any length
     * @return the key itself up to {@value #LONGEST_PLAIN_KEY} characters, otherwise an object with its hash, which
     *         is not equal to any text
     */
    public static Object bounded(String key) {
        return key.length() <= LONGEST_PLAIN_KEY ? key : new Hashed(of(key));
    }

    private record Hashed(String hash) {}

    private static byte[] digest(String key) {
        MessageDigest sha256 = sha256();
        eachChunk(key, sha256::update);
        return sha256.digest();
    }

    /** Receives a part of an array. */
    @FunctionalInterface
    interface Sink {
        void update(byte[] bytes, int start, int length);
    }

    /** Passes the code units of a key as bytes, in chunks. */
    static void eachChunk(String key, Sink sink) {
        byte[] units = new byte[2 * Math.min(key.length(), CHUNK)];
        for (int start = 0; start < key.length(); start += CHUNK) {
            int end = Math.min(key.length(), start + CHUNK);
            for (int i = start; i < end; i++) {
                units[2 * (i - start)] = (byte) (key.charAt(i) >> 8);
                units[2 * (i - start) + 1] = (byte) key.charAt(i);
            }
            sink.update(units, 0, 2 * (end - start));
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("This Java platform does not provide SHA-256.", e);
        }
    }

    /**
     * Conceals keys by HMAC-SHA-256 (RFC 2104), so that only holders of the secret can find the key of a hash. Without
     * a secret, an address can be found from its {@link KeyHash} in the store by trying all addresses.
     *
     * <p>If a secret is introduced or changed, every key starts with all permits. Safe for use by any number of
     * threads.
     */
    public static final class Secret {

        private static final String ALGORITHM = "HmacSHA256";
        private static final int MIN_LENGTH = 16;
        private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();

        private final Mac keyed;

        /**
         * Creates a secret.
         *
         * @param secret at least 16 characters, the same on all instances that share a store
         * @throws IllegalArgumentException if the secret is too short; the message does not contain it
         */
        public Secret(String secret) {
            if (secret.length() < MIN_LENGTH) {
                throw new IllegalArgumentException("The secret has " + secret.length() + " characters; write at least "
                        + MIN_LENGTH + " random ones.");
            }
            try {
                keyed = Mac.getInstance(ALGORITHM);
                keyed.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), ALGORITHM));
                Objects.requireNonNull(keyed.clone());
            } catch (GeneralSecurityException | CloneNotSupportedException e) {
                throw new IllegalStateException("This Java platform provides no cloneable HMAC-SHA-256.", e);
            }
        }

        /**
         * Conceals a key.
         *
         * @param key any text of any length
         * @return 43 letters, digits, {@code -} and {@code _}
         */
        String conceal(String key) {
            try {
                Mac mac = (Mac) keyed.clone();
                KeyHash.eachChunk(key, mac::update);
                return BASE64.encodeToString(mac.doFinal());
            } catch (CloneNotSupportedException e) {
                throw new IllegalStateException("The HMAC was cloneable at first.", e);
            }
        }
    }
}
