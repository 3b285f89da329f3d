package io.github.micronautratelimit;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;

/**
 * Turns a key into a short text nobody can read an identity from, for stores, logs and listeners.
 *
 * <p>SHA-256 (FIPS 180-4) over the key's UTF-16 code units, high byte first. A character encoding would map unpaired
 * surrogates to one replacement, and different keys to one hash.
 */
public final class KeyHash {

    private static final HexFormat HEX = HexFormat.of();
    private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();
    private static final int CHUNK = 4096;

    private KeyHash() {
    }

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
     * Hashes a key into few characters, for names that are kept many times over: the first 128 bits of {@link #of}, in
     * base64 for URLs (RFC 4648, section 5).
     *
     * @param key any text of any length
     * @return 22 letters, digits, {@code -} and {@code _}
     */
    public static String brief(String key) {
        return BASE64.encodeToString(Arrays.copyOf(digest(key), 16));
    }

    private static byte[] digest(String key) {
        MessageDigest sha256 = sha256();
        eachChunk(key, sha256::update);
        return sha256.digest();
    }

    /** Takes a part of an array: its start and length follow it. */
    @FunctionalInterface
    interface Sink {
        void update(byte[] bytes, int start, int length);
    }

    /** The key's code units as bytes, a few at a time. */
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
            throw new IllegalStateException("Every Java platform has SHA-256.", e);
        }
    }
}
