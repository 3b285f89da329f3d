package io.github.micronautratelimit.redis;

import java.util.Scanner;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.redis.server.RedisClients;

/** A process that asks, for each line with a key and a number, so many times at once, and answers with the grants. */
final class Caller {

    private Caller() {
    }

    /** Given a server's URI, a namespace and a policy's limits. */
    public static void main(String[] args) {
        Policy policy = Policy.of("p", args[2]);
        try (RedisClients clients = new RedisClients(); Scanner in = new Scanner(System.in)) {
            RedisBackend backend = new RedisBackend(clients.connect(args[0]), args[1]);
            while (in.hasNext()) {
                String key = in.next();
                int requests = in.nextInt();
                System.out.println("granted " + granted(backend, policy, key, requests));
            }
        }
    }

    private static long granted(RedisBackend backend, Policy policy, String key, int requests) {
        return IntStream.range(0, requests).mapToObj(i -> backend.acquire(policy, key, 1).toCompletableFuture())
                .toList().stream().map(CompletableFuture::join).filter(decision -> decision.allowed()).count();
    }
}
