package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.redis.server.Certificate;
import io.github.micronautratelimit.redis.server.RedisClients;
import io.github.micronautratelimit.redis.server.RedisProcess;
import io.lettuce.core.RedisException;
import io.lettuce.core.SslOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server that requires TLS and has one user with a password and the least privileges. */
@NeedsRedis(ofItsOwn = true)
class EncryptedTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final Policy POLICY = Policy.of("p", "1000/366day");

    @TempDir
    private Path folder;

    private RedisProcess process;
    private SslOptions trusting;

    @BeforeEach
    void start() throws Exception {
        Certificate certificate = Certificate.create(folder);
        trusting = SslOptions.builder()
                .jdkSslProvider()
                .truststore(certificate.store().toFile(), Certificate.PASSWORD)
                .build();
        process = RedisProcess.start(
                "tls-cert-file " + certificate.certificate(),
                "tls-key-file " + certificate.key(),
                "tls-ca-cert-file " + certificate.certificate(),
                "tls-auth-clients no",
                "user default off",
                "user limits on >secret ~ratelimit:* -@all +evalsha +eval +time +get +set +del");
    }

    @AfterEach
    void stop() {
        process.close();
    }

    private String uri(String password) {
        return "rediss://limits:" + password + "@127.0.0.1:" + process.port();
    }

    @Test
    void decisionsAreExact() {
        try (RedisClients clients = new RedisClients(TIMEOUT, trusting)) {
            RedisBackend backend = new RedisBackend(clients.connect(uri("secret")), "ratelimit");
            try (Load load = Load.on(POLICY, "key", List.of(backend))) {
                load.awaitDenied(100).end();
                assertEquals(1000, load.granted());
                assertEquals(0, load.failed());
            }
        }
    }

    @Test
    void otherClientsAreRejected() {
        try (RedisClients clients = new RedisClients(TIMEOUT, trusting);
                RedisClients untrusting = new RedisClients()) {
            assertThrows(RedisException.class, () -> clients.connect(uri("wrong")));
            assertThrows(RedisException.class, () -> untrusting.connect(uri("secret")), "an unknown certificate");
            assertThrows(RedisException.class, () -> untrusting.connect(process.uri()), "no encryption");
            assertTrue(clients.connect(uri("secret")).isOpen());
        }
    }
}
