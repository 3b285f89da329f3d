package io.github.micronautratelimit.redis;

import java.io.IOException;
import java.util.List;
import java.util.ArrayList;

import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.redis.server.RedisClients;

/** A process that takes all places there are, says how many, and holds them until it is killed or its input ends. */
final class Holder {

    private Holder() {
    }

    /** Given a server's URI, a namespace and a policy's limits. */
    public static void main(String[] args) throws IOException {
        Policy policy = Policy.of("p", args[2]);
        try (RedisClients clients = new RedisClients()) {
            RateLimiter limiter = new RateLimiter(new RedisBackend(clients.connect(args[0]), args[1]), List.of());
            List<Lease> held = new ArrayList<>();
            Lease lease = limiter.lease(policy, "key");
            while (lease.allowed()) {
                held.add(lease);
                lease = limiter.lease(policy, "key");
            }
            System.out.println("holds " + held.size());
            while (System.in.read() >= 0) {
                Thread.onSpinWait();
            }
        }
    }
}
