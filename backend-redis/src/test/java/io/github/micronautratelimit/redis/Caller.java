package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.redis.server.RedisClients;
import java.util.Scanner;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

/** A process that reads lines with a key and a number of requests, sends them at once and prints the number granted. */
final class Caller {

    private Caller() {}

    /** Takes the URI of a server, a namespace and the limits of a policy. */
    public static void main(String[] args) {
        Policy policy = Policy.of("p", args[2]);
        try (RedisClients clients = new RedisClients();
                Scanner in = new Scanner(System.in)) {
            RedisBackend backend = new RedisBackend(clients.connect(args[0]), args[1]);
            while (in.hasNext()) {
                String key = in.next();
                int requests = in.nextInt();
                System.out.println("granted " + granted(backend, policy, key, requests));
            }
        }
    }

    private static long granted(RedisBackend backend, Policy policy, String key, int requests) {
        return IntStream.range(0, requests)
                .mapToObj(i -> backend.acquire(policy, key, 1).toCompletableFuture())
                .toList()
                .stream()
                .map(CompletableFuture::join)
                .filter(decision -> decision.allowed())
                .count();
    }
}
