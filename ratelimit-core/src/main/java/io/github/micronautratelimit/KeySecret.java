package io.github.micronautratelimit;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Base64;

import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Makes keys unreadable to everybody who does not know a secret: HMAC-SHA-256 (RFC 2104) of the key. Without it a
 * {@link KeyHash} stands in a store, from which an address can be found by trying them all.
 *
 * <p>Whoever changes the secret, or starts to use one, makes every key start afresh. Safe for use by any number of
 * threads.
 */
public final class KeySecret {

    private static final String ALGORITHM = "HmacSHA256";
    private static final int SHORTEST = 16;
    private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();

    private final Mac keyed;

    /**
     * A secret.
     *
     * @param secret at least 16 characters, the same on all instances that share a store
     * @throws IllegalArgumentException if it is too short; the message does not repeat it
     */
    public KeySecret(String secret) {
        if (secret.length() < SHORTEST) {
            throw new IllegalArgumentException("A secret has at least " + SHORTEST + " characters, not "
                    + secret.length() + "; write a random one.");
        }
        try {
            keyed = Mac.getInstance(ALGORITHM);
            keyed.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), ALGORITHM));
            keyed.clone();
        } catch (GeneralSecurityException | CloneNotSupportedException e) {
            throw new IllegalStateException("This Java platform's HMAC-SHA-256 is of no use here.", e);
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
            throw new IllegalStateException("It could be cloned before.", e);
        }
    }
}
