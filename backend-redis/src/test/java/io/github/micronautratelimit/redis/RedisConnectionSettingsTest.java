package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.lettuce.core.RedisURI;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RedisConnectionSettingsTest {

    private static final String SENTINELS = "redis-sentinel://user:sesame@one:26379,two:26380/2#main";

    private static RedisConnectionSettings at(String... uris) {
        return RedisConnectionSettings.parse("redis.uri", List.of(uris), uris.length > 1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "redis://user:sesame@host:7000/3            | Redis at host:7000 (redis.uri)",
                "rediss://:sesame@host                      | Redis at host:6379 (redis.uri)",
                "redis-socket:///run/redis.sock?password=sesame | Redis at /run/redis.sock (redis.uri)",
                SENTINELS + " | Redis at the master main of the Sentinels one:26379, two:26380 (redis.uri)"
            })
    void textNamesTheServersWithoutThePassword(String uri, String text) {
        assertEquals(text, at(uri).toString());
    }

    @Test
    void textOfAClusterNamesAllNodes() {
        assertEquals(
                "The Redis cluster at a:1, b:2 (redis.uri)",
                at("redis://:sesame@a:1", "redis://b:2").toString());
    }

    @Test
    void copyOfAUriKeepsAllProperties() {
        RedisURI uri = RedisURI.create("rediss://user:sesame@host:7000/3?clientName=shop&verifyPeer=CA");
        RedisURI copy = RedisConnectionSettings.of("redis.uri", List.of(uri), false)
                .uris()
                .get(0);
        assertEquals(uri, copy);
        assertEquals(uri.isSsl(), copy.isSsl());
        assertEquals(uri.getVerifyMode(), copy.getVerifyMode());
        assertEquals("shop", copy.getClientName());
        var credentials = copy.getCredentialsProvider().resolveCredentials().block();
        assertEquals(
                "user sesame",
                credentials == null ? "none" : credentials.getUsername() + " " + new String(credentials.getPassword()));
        assertEquals(RedisURI.create(SENTINELS), at(SENTINELS).uris().get(0));
    }

    @ParameterizedTest
    @CsvSource({"redis://host, 2000", "redis://host?timeout=800ms, 800", "redis://host?timeout=0, 2000"})
    void handshakeTimesOutAfterAtMostTwoSeconds(String uri, long millis) {
        assertEquals(Duration.ofMillis(millis), at(uri).uris().get(0).getTimeout());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "host:6379", "http://user:sesame@host", "redis://user:se same@host"})
    void malformedUriIsRejectedWithoutRepeatingIt(String uri) {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> at(uri));
        assertEquals(
                "redis.uri: not a Redis URI; write one like redis://user:password@host:6379, or rediss:// for TLS. "
                        + "Encode special characters, a space as %20.",
                e.getMessage());
        assertEquals(null, e.getCause());
    }

    @Test
    void commandsTimeOutAfterTwoSecondsUnlessOtherwiseConfigured() {
        RedisConnectionSettings settings = at("redis://host");
        assertEquals(Duration.ofSeconds(2), settings.timeout());
        assertEquals(
                Duration.ofMillis(80),
                settings.withOptions(Duration.ofMillis(80), null).timeout());
        assertFalse(settings.cluster());
    }
}
