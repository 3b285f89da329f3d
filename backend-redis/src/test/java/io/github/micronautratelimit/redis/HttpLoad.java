package io.github.micronautratelimit.redis;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;

/**
 * Load on one path. Each caller has its own connection, sends a request, waits for the response, pauses briefly and
 * sends the next one. A caller stops if a response is missing.
 */
final class HttpLoad implements AutoCloseable {

    static final int CALLERS = 8;
    private static final int PAUSE_MILLIS = 5;
    private static final int TIMEOUT_MILLIS = 20_000;

    /** A response, when its request was sent and how long it took, by {@link System#nanoTime}. */
    record Answer(int status, String body, long askedAt, long nanos) {}

    private final byte[] request;
    private final int port;
    private final Queue<Answer> answers = new ConcurrentLinkedQueue<>();
    private final Queue<Exception> unanswered = new ConcurrentLinkedQueue<>();
    private final List<Thread> callers;
    private volatile boolean ended;

    HttpLoad(int port, String path) {
        this.port = port;
        this.request = ("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n").getBytes(StandardCharsets.US_ASCII);
        this.callers = IntStream.range(0, CALLERS)
                .mapToObj(i -> new Thread(this::call, "http-caller-" + i))
                .toList();
        callers.forEach(Thread::start);
    }

    private void call() {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(TIMEOUT_MILLIS);
            socket.setTcpNoDelay(true);
            InputStream in = new BufferedInputStream(socket.getInputStream());
            while (!ended) {
                long askedAt = System.nanoTime();
                socket.getOutputStream().write(request);
                int status = Integer.parseInt(line(in).split(" ")[1]);
                int length = 0;
                for (String header = line(in); !header.isEmpty(); header = line(in)) {
                    if (header.toLowerCase(Locale.ROOT).startsWith("content-length:")) {
                        length = Integer.parseInt(
                                header.substring(header.indexOf(':') + 1).strip());
                    }
                }
                String body = new String(in.readNBytes(length), StandardCharsets.UTF_8);
                answers.add(new Answer(status, body, askedAt, System.nanoTime() - askedAt));
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(PAUSE_MILLIS));
            }
        } catch (IOException e) {
            unanswered.add(e);
        }
    }

    private static String line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        int next = in.read();
        while (next != '\n') {
            if (next < 0) {
                throw new EOFException();
            }
            line.write(next);
            next = in.read();
        }
        return line.toString(StandardCharsets.US_ASCII).strip();
    }

    /** Returns the responses so far. */
    List<Answer> answers() {
        return List.copyOf(answers);
    }

    /** Returns the failures of callers. */
    List<Exception> unanswered() {
        return List.copyOf(unanswered);
    }

    /** Ends the load after the responses to the requests in flight. */
    void end() {
        ended = true;
        try {
            for (Thread caller : callers) {
                caller.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        end();
    }
}
