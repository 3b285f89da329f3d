package io.github.micronautratelimit.examples.distributed;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Service;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledIf;
import org.junit.jupiter.api.io.TempDir;

/** Runs the application and Redis with the settings of the manifests. */
@DisabledIf("io.github.micronautratelimit.examples.distributed.Redis#isMissing")
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RedisManifestsTest {

    @TempDir
    private Path folder;

    private final Manifests manifests = Manifests.read("redis");
    private Deployed deployed;

    @BeforeEach
    void deploy() {
        deployed = new Deployed(manifests, folder, text -> text);
    }

    @Test
    void redisUserHasEnoughRightsAndProbesSucceedDuringAnOutage() {
        try (Redis redis = redis();
                Instance instance = start(environment(redis))) {
            assertProbesSucceed(instance);
            assertEquals(404, instance.status("/health"), "hidden from clients");

            redis.kill();
            Eventually.await("on-error decides", client(instance)::decidedByFallback);
            assertProbesSucceed(instance);
            instance.stop();
        }
    }

    /** While an instance runs, others cannot use its prefetched permits. When Kubernetes stops it, they can. */
    @Test
    void stoppedInstanceRefundsPrefetchedPermits() {
        try (Redis redis = redis()) {
            Map<String, String> settings = environment(redis);
            settings.putAll(SharedLimit.SETTINGS);
            String apiKey = UUID.randomUUID().toString();
            try (Instance other = start(settings)) {
                settings.put("RATELIMIT_POLICIES_ORDERS_MODE", "prefetch");
                try (Instance prefetching = start(settings)) {
                    assertEquals(60, passed(prefetching, apiKey, 60));
                    prefetching.stop();
                }
                assertEquals(40, passed(other, apiKey, 60));
            }
        }
    }

    private static Instance start(Map<String, String> environment) {
        Instance instance = Instance.start(environment);
        Eventually.await("the store decides", client(instance)::decidedByStore);
        return instance;
    }

    private static RoundRobin client(Instance instance) {
        return new RoundRobin(List.of(instance), UUID.randomUUID().toString());
    }

    private static int passed(Instance instance, String apiKey, int requests) {
        return RoundRobin.count(new RoundRobin(List.of(instance), apiKey).send(requests, 1), RoundRobin.Outcome.PASSED);
    }

    private Redis redis() {
        String acl = deployed.write("users.acl", deployed.secret("users.acl")).toString();
        return new Redis(deployed.write(
                "redis.conf",
                manifests
                        .the(ConfigMap.class, "orders-redis")
                        .getData()
                        .get("redis.conf")
                        .replace("/acl/users.acl", acl)));
    }

    /** Returns the environment with a local server in index of the service. */
    private Map<String, String> environment(Redis redis) {
        Map<String, String> environment = deployed.environment();
        int port = manifests
                .the(Service.class, "orders-redis")
                .getSpec()
                .getPorts()
                .get(0)
                .getPort();
        String uri = environment.get("REDIS_URI");
        assertTrue(uri.endsWith("@orders-redis:" + port), uri);
        environment.put("REDIS_URI", uri.replace("orders-redis:" + port, redis.address()));
        return environment;
    }

    private static void assertProbesSucceed(Instance instance) {
        for (String path : List.of("/health/liveness", "/health/readiness", "/prometheus")) {
            assertEquals(200, instance.probe(path), path);
        }
    }
}
