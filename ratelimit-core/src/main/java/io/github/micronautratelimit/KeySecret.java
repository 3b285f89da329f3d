package io.github.micronautratelimit;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Base64;
import java.util.Objects;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Conceals keys by HMAC-SHA-256 (RFC 2104), so that only holders of the secret can find the key of a hash. Without a
 * secret, an address can be found from its {@link KeyHash} in the store by trying all addresses.
 *
 * <p>If a secret is introduced or changed, every key starts with all permits. Safe for use by any number of threads.
 */
public final class KeySecret {

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
    public KeySecret(String secret) {
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
