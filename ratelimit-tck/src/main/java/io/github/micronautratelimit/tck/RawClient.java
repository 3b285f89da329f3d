package io.github.micronautratelimit.tck;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** An HTTP client for tests that writes what it likes, such as {@link HostileHeaders}, which a proper one refuses to. */
public final class RawClient {

    private static final int TIMEOUT_MILLIS = 10_000;

    private RawClient() {
    }

    /**
     * Sends one GET request to this machine, on a connection of its own.
     *
     * @param port        the server's
     * @param target      what stands in the request line, as it is
     * @param headerLines more lines, as they are
     * @return the status of the answer
     * @throws IOException if there is no answer within 10 seconds
     */
    public static int status(int port, String target, String... headerLines) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(TIMEOUT_MILLIS);
            List<String> lines = new ArrayList<>(List.of("GET " + target + " HTTP/1.1", "Host: localhost", "Connection: close"));
            lines.addAll(List.of(headerLines));
            socket.getOutputStream().write((String.join("\r\n", lines) + "\r\n\r\n").getBytes(StandardCharsets.UTF_8));
            String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return Integer.parseInt(answer.split(" ", 3)[1]);
        }
    }
}
