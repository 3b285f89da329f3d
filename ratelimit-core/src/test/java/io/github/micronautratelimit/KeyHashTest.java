package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HexFormat;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.AlphaChars;
import org.junit.jupiter.api.Test;

class KeyHashTest {

    @Test
    void emptyKeyHasTheHashOfNoBytes() {
        assertEquals("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", KeyHash.of(""));
    }

    @Property(tries = 200)
    void hashIsSha256OfTheUtf16CodeUnits(@ForAll @AlphaChars String key) throws NoSuchAlgorithmException {
        assertEquals(sha256(key), KeyHash.of(key));
    }

    @Property(tries = 200)
    void briefHashIsTheFirst128Bits(@ForAll String key) {
        assertEquals(
                KeyHash.of(key).substring(0, 32),
                HexFormat.of().formatHex(Base64.getUrlDecoder().decode(KeyHash.brief(key))));
        assertTrue(KeyHash.brief(key).matches("[A-Za-z0-9_-]{22}"));
    }

    @Test
    void longKeysAreHashedCompletely() throws NoSuchAlgorithmException {
        for (int length : new int[] {4095, 4096, 4097, 8192, 8193, 1 << 20}) {
            String key = "k\u00e9".repeat(length).substring(0, length);
            assertEquals(sha256(key), KeyHash.of(key));
            assertNotEquals(KeyHash.of(key), KeyHash.of(key.substring(1) + "x"));
        }
    }

    @Test
    void unpairedSurrogatesHaveDifferentHashes() {
        assertNotEquals(KeyHash.of("\ud83d"), KeyHash.of("\ud83e"));
        assertNotEquals(KeyHash.of("\ud83d"), KeyHash.of("?"));
        assertNotEquals(KeyHash.of("\ud83d"), KeyHash.of("\ufffd"));
        assertTrue(KeyHash.of("\ud83d").matches("[0-9a-f]{64}"));
    }

    private static String sha256(String key) throws NoSuchAlgorithmException {
        return HexFormat.of()
                .formatHex(MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_16BE)));
    }
}
