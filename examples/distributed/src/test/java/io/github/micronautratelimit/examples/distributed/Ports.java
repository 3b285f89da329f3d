package io.github.micronautratelimit.examples.distributed;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.IntStream;

/** Finds free ports below those of outgoing connections, so that a restarted process can use its port again. */
final class Ports {

    private static final int LOWEST = 10_000;
    private static final int HIGHEST = 30_000;

    private Ports() {}

    static int free() {
        return IntStream.range(0, 1_000)
                .map(i -> ThreadLocalRandom.current().nextInt(LOWEST, HIGHEST))
                .filter(Ports::isFree)
                .findFirst()
                .orElseThrow();
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            return socket.isBound();
        } catch (IOException e) {
            return false;
        }
    }
}
