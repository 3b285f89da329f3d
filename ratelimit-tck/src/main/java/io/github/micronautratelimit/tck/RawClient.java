package io.github.micronautratelimit.tck;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** An HTTP client for tests that sends any bytes, such as {@link HostileHeaders}, which other clients reject. */
public final class RawClient {

    private static final int TIMEOUT_MILLIS = 10_000;

    private RawClient() {}

    /**
     * Sends one GET request to this machine on a new connection.
     *
     * @param port        the port of the server
     * @param target      the target of the request line, sent unchanged
     * @param headerLines further header lines, sent unchanged
     * @return the status of the response
     * @throws IOException if no response arrives within 10 seconds
     */
    public static int status(int port, String target, String... headerLines) throws IOException {
        return status(InetAddress.getLoopbackAddress().getHostAddress(), port, target, headerLines);
    }

    /**
     * Sends one GET request on a new connection.
     *
     * @param address     the address of the server
     * @param port        the port of the server
     * @param target      the target of the request line, sent unchanged
     * @param headerLines further header lines, sent unchanged
     * @return the status of the response
     * @throws IOException if no response arrives within 10 seconds
     */
    public static int status(String address, int port, String target, String... headerLines) throws IOException {
        try (Socket socket = new Socket(InetAddress.getByName(address), port)) {
            socket.setSoTimeout(TIMEOUT_MILLIS);
            List<String> lines =
                    new ArrayList<>(List.of("GET " + target + " HTTP/1.1", "Host: localhost", "Connection: close"));
            lines.addAll(List.of(headerLines));
            socket.getOutputStream().write((String.join("\r\n", lines) + "\r\n\r\n").getBytes(StandardCharsets.UTF_8));
            String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return Integer.parseInt(answer.split(" ", 3)[1]);
        }
    }
}
