package io.github.micronautratelimit.hazelcast;

import com.hazelcast.config.YamlConfigBuilder;
import com.hazelcast.core.Hazelcast;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/** A program: a member that acquires a permit for each key that it reads, and prints remaining permits and calls. */
final class CallingMember {

    static final Policy POLICY = Policy.of("rolling", "10/366day");
    static final String NAMESPACE = "rolling";

    private CallingMember() {}

    /** Starts the member with the configuration of the property {@code hazelcast.config}. */
    public static void main(String[] arguments) throws IOException {
        try (HazelcastBackend backend = new HazelcastBackend(
                CountedMaps.of(Hazelcast.newHazelcastInstance(
                        new YamlConfigBuilder(System.getProperty("hazelcast.config")).build())),
                NAMESPACE)) {
            System.out.println("The caller is STARTED");
            BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            int answers = 0;
            for (String key = in.readLine(); key != null; key = in.readLine()) {
                long before = CountedMaps.calls();
                Decision decision =
                        backend.acquire(POLICY, key, 1).toCompletableFuture().join();
                System.out.println("ANSWER " + answers++ + ": " + decision.remaining() + " remain after "
                        + (CountedMaps.calls() - before) + " calls;");
            }
        }
    }
}
