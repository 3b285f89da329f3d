package io.github.micronautratelimit.examples.distributed;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledIf;
import org.junit.jupiter.api.io.TempDir;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Service;

/** The application and Redis run as processes with what the manifests give their pods. */
@DisabledIf("io.github.micronautratelimit.examples.distributed.Redis#isMissing")
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RedisManifestsTest {

    @TempDir
    private Path folder;

    private final Manifests manifests = Manifests.read("redis");
    private final HttpClient http = HttpClient.newHttpClient();
    private Deployed deployed;

    @BeforeEach
    void deploy() {
        deployed = new Deployed(manifests, folder, text -> text);
    }

    @Test
    void theApplicationMayDoInRedisWhatItMustAndProbesLetItLiveWithout() throws Exception {
        int management = Ports.free();
        try (Redis redis = redis();
                Instance instance = Instance.start(environment(redis), "-Dendpoints.all.port=" + management)) {
            RoundRobin client = new RoundRobin(List.of(instance), UUID.randomUUID().toString());
            Eventually.await("the user may do what decisions need", client::decidedByStore);
            assertProbesSucceed(management);
            assertEquals(404, status(instance.uri("/health")), "clients are not told");

            redis.kill();
            Eventually.await("it decides by itself", client::decidedWithoutStore);
            assertProbesSucceed(management);
            instance.stop();
        }
    }

    /** While it runs, nobody else is granted what it has taken ahead; when Kubernetes stops it, all of it is there again. */
    @Test
    void anInstanceThatIsStoppedGivesBackWhatItHasTakenAhead() {
        try (Redis redis = redis()) {
            Map<String, String> settings = environment(redis);
            settings.putAll(SharedLimit.SETTINGS);
            String apiKey = UUID.randomUUID().toString();
            try (Instance stays = start(settings)) {
                settings.put("RATELIMIT_POLICIES_ORDERS_MODE", "leased");
                try (Instance leasing = start(settings)) {
                    assertEquals(60, passed(leasing, apiKey, 60));
                    leasing.stop();
                }
                assertEquals(40, passed(stays, apiKey, 60));
            }
        }
    }

    private static Instance start(Map<String, String> settings) {
        return Instance.start(settings, "-Dendpoints.all.port=" + Ports.free());
    }

    private static int passed(Instance instance, String apiKey, int requests) {
        return RoundRobin.count(new RoundRobin(List.of(instance), apiKey).ask(requests, 1), RoundRobin.Outcome.PASSED);
    }

    private Redis redis() {
        String acl = deployed.write("users.acl", deployed.secret("users.acl")).toString();
        return new Redis(deployed.write("redis.conf", manifests.the(ConfigMap.class, "orders-redis").getData()
                .get("redis.conf").replace("/acl/users.acl", acl)));
    }

    /** With a server here instead of the service. */
    private Map<String, String> environment(Redis redis) {
        Map<String, String> environment = deployed.environment();
        int port = manifests.the(Service.class, "orders-redis").getSpec().getPorts().get(0).getPort();
        String uri = environment.get("REDIS_URI");
        assertTrue(uri.endsWith("@orders-redis:" + port), uri);
        environment.put("REDIS_URI", uri.replace("orders-redis:" + port, redis.address()));
        return environment;
    }

    private void assertProbesSucceed(int management) throws Exception {
        for (String path : List.of("/health/liveness", "/health/readiness", "/prometheus")) {
            assertEquals(200, status(URI.create("http://127.0.0.1:" + management + path)), path);
        }
    }

    private int status(URI uri) throws Exception {
        return http.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.discarding()).statusCode();
    }
}
