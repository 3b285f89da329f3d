package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import io.lettuce.core.RedisURI;

class RedisLocationTest {

    private static final String SENTINELS = "redis-sentinel://user:sesame@one:26379,two:26380/2#main";

    private static RedisLocation at(String uri) {
        return new RedisLocation("redis.uri", List.of(RedisURI.create(uri)), false);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "redis://user:sesame@host:7000/3            | Redis at host:7000 (redis.uri)",
        "rediss://:sesame@host                      | Redis at host:6379 (redis.uri)",
        "redis-socket:///run/redis.sock?password=sesame | Redis at /run/redis.sock (redis.uri)",
        SENTINELS + " | Redis at the master main of the Sentinels one:26379, two:26380 (redis.uri)"})
    void tellsTheServersButNoPassword(String uri, String text) {
        assertEquals(text, at(uri).toString());
    }

    @Test
    void keepsAllOfAUri() {
        RedisURI uri = RedisURI.create("rediss://user:sesame@host:7000/3?clientName=shop&verifyPeer=CA");
        RedisURI copy = at(uri.toString()).uris().get(0);
        copy = new RedisLocation("redis.uri", List.of(uri), false).uris().get(0);
        assertEquals(uri, copy);
        assertEquals(uri.isSsl(), copy.isSsl());
        assertEquals(uri.getVerifyMode(), copy.getVerifyMode());
        assertEquals("shop", copy.getClientName());
        var credentials = copy.getCredentialsProvider().resolveCredentials().block();
        assertEquals("user sesame", credentials == null ? "none"
                : credentials.getUsername() + " " + new String(credentials.getPassword()));
        assertEquals(RedisURI.create(SENTINELS), at(SENTINELS).uris().get(0));
    }

    @ParameterizedTest
    @CsvSource({"redis://host, 5000", "redis://host?timeout=800ms, 800", "redis://host?timeout=0, 5000"})
    void aServerHasToGreetWithinFiveSeconds(String uri, long millis) {
        assertEquals(Duration.ofMillis(millis), at(uri).uris().get(0).getTimeout());
    }
}
