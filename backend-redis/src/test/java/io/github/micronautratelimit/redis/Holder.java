package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.redis.server.RedisClients;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** A process that takes all free slots, prints their number, and holds them until it is killed or its input ends. */
final class Holder {

    private Holder() {}

    /** Takes the URI of a server, a namespace and the limits of a policy. */
    public static void main(String[] args) throws IOException {
        Policy policy = Policy.of("p", args[2]);
        try (RedisClients clients = new RedisClients()) {
            RateLimiter limiter = RateLimiter.builder(new RedisBackend(clients.connect(args[0]), args[1]))
                    .unguarded()
                    .build();
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
