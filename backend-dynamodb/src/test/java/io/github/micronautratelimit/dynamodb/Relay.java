package io.github.micronautratelimit.dynamodb;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/** Stands between a client and DynamoDB Local, and does to connections what a network may. */
final class Relay implements AutoCloseable {

    /** What becomes of what is sent. */
    enum Way {
        OPEN,
        /** Nobody listens, and connections that were open are closed. */
        CLOSED,
        /** Requests wait. */
        HELD,
        /** Requests get lost. */
        DEAF,
        /** Answers wait. */
        LATE,
        /** Answers get lost. */
        MUTE
    }

    private static final long PATIENCE_NANOS = 20_000_000_000L;

    private volatile ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final int port = server.getLocalPort();
    private final Queue<Socket> open = new ConcurrentLinkedQueue<>();
    private final AtomicInteger connections = new AtomicInteger();
    private Way way = Way.OPEN;

    Relay() throws IOException {
        daemon(this::accept);
    }

    URI endpoint() {
        return URI.create("http://" + server.getInetAddress().getHostAddress() + ":" + port);
    }

    /** How many were opened so far. */
    int connections() {
        return connections.get();
    }

    /** How many are open now. */
    int open() {
        return open.size() / 2;
    }

    void breakAll() throws IOException {
        for (Socket socket = open.poll(); socket != null; socket = open.poll()) {
            socket.close();
        }
    }

    /** From now on, also for connections that are open. */
    synchronized void let(Way now) throws IOException {
        Way before = way;
        way = now;
        notifyAll();
        if (now == Way.CLOSED) {
            server.close();
            breakAll();
        } else if (before == Way.CLOSED) {
            server = again();
            daemon(this::accept);
        }
    }

    /** On the same port, which somebody may just have for a connection of his own. */
    private ServerSocket again() throws IOException {
        long end = System.nanoTime() + PATIENCE_NANOS;
        while (true) {
            try {
                return new ServerSocket(port, 50, InetAddress.getLoopbackAddress());
            } catch (BindException e) {
                if (System.nanoTime() > end) {
                    throw e;
                }
                Thread.onSpinWait();
            }
        }
    }

    private synchronized Way way() {
        return way;
    }

    private synchronized void awaitOtherThan(Way held) throws IOException {
        try {
            while (way == held) {
                wait();
            }
        } catch (InterruptedException e) {
            throw new InterruptedIOException();
        }
    }

    private void accept() throws IOException {
        ServerSocket listening = server;
        while (true) {
            Socket client = listening.accept();
            Socket store = new Socket("localhost", LocalDynamoDb.endpoint().getPort());
            open.add(client);
            open.add(store);
            connections.incrementAndGet();
            daemon(() -> carry(client, store, Way.HELD, Way.DEAF));
            daemon(() -> carry(store, client, Way.LATE, Way.MUTE));
        }
    }

    private void carry(Socket from, Socket to, Way held, Way lost) throws IOException {
        try (from; to) {
            byte[] bytes = new byte[8192];
            for (int read = from.getInputStream().read(bytes); read >= 0; read = from.getInputStream().read(bytes)) {
                awaitOtherThan(held);
                if (way() != lost) {
                    to.getOutputStream().write(bytes, 0, read);
                }
            }
        } finally {
            open.remove(from);
            open.remove(to);
        }
    }

    private interface Work {
        void run() throws IOException;
    }

    private static void daemon(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException e) {
                // Closed, by one of its ends or by the test.
            }
        }, "relay");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() throws IOException {
        server.close();
        breakAll();
    }
}
