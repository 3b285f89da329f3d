package io.github.micronautratelimit.management;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** A browser: an open connection that is read line by line. */
final class Viewer implements Closeable {

    private static final String PAGE = "/ratelimit-dashboard";
    private static final int TIMEOUT_MILLIS = 20_000;

    private final Socket socket;
    private final BufferedReader lines;
    private final StringBuilder head = new StringBuilder();

    Viewer(int port) throws IOException {
        socket = new Socket("127.0.0.1", port);
        socket.setSoTimeout(TIMEOUT_MILLIS);
        socket.getOutputStream()
                .write(("GET " + PAGE + "/events HTTP/1.1\r\nHost: localhost\r\n" + "Accept: text/event-stream\r\n\r\n")
                        .getBytes(StandardCharsets.US_ASCII));
        lines = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
        for (String line = line(); !line.isEmpty(); line = line()) {
            head.append(line).append('\n');
        }
    }

    String head() {
        return head.toString();
    }

    private String line() throws IOException {
        String line = lines.readLine();
        assertTrue(line != null, "the stream ended");
        return line;
    }

    /** Returns the data of the next event with this name. */
    String next(String event) throws IOException {
        String line = line();
        while (!line.equals("event: " + event)) {
            line = line();
        }
        while (!line.startsWith("data: ")) {
            line = line();
        }
        return line;
    }

    /** Returns the data of the next second that contains a text; fails after 13 seconds without it. */
    String until(String text) throws IOException {
        String second = next("second");
        for (int i = 0; i < 12 && !second.contains(text); i++) {
            second = next("second");
        }
        assertTrue(second.contains(text), second);
        return second;
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
