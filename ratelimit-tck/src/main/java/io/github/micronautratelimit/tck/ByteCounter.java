package io.github.micronautratelimit.tck;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A proxy between clients and a server on this machine that counts the bytes in both directions. Bytes are counted
 * before they reach the other side. Safe for use by any number of threads.
 */
public final class ByteCounter implements AutoCloseable {

    private static final int CHUNK = 65_536;

    private final ServerSocket listening;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final AtomicLong sent = new AtomicLong();
    private final AtomicLong received = new AtomicLong();

    /**
     * Creates a proxy for a server, which may start later.
     *
     * @param server the port of the server on loopback
     */
    public ByteCounter(int server) {
        try {
            this.listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        start(() -> {
            while (true) {
                accept(server);
            }
        });
    }

    /**
     * Returns the port of the proxy on loopback.
     *
     * @return a free port that this proxy listens on
     */
    public int port() {
        return listening.getLocalPort();
    }

    /**
     * Returns the bytes that clients have sent.
     *
     * @return a count that only grows
     */
    public long sent() {
        return sent.get();
    }

    /**
     * Returns the bytes that the server has sent.
     *
     * @return a count that only grows
     */
    public long received() {
        return received.get();
    }

    /** If the server does not listen, the connection of the client is closed at once. */
    private void accept(int port) throws IOException {
        Socket client = listening.accept();
        open.add(client);
        start(() -> {
            try (client;
                    Socket server = new Socket(InetAddress.getLoopbackAddress(), port)) {
                open.add(server);
                client.setTcpNoDelay(true);
                server.setTcpNoDelay(true);
                start(() -> carry(server, client, received));
                carry(client, server, sent);
            }
        });
    }

    private static void carry(Socket from, Socket to, AtomicLong count) throws IOException {
        try (from;
                to) {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            byte[] chunk = new byte[CHUNK];
            for (int length = in.read(chunk); length >= 0; length = in.read(chunk)) {
                count.addAndGet(length);
                out.write(chunk, 0, length);
            }
        }
    }

    private interface Work {

        void run() throws IOException;
    }

    private static void start(Work work) {
        Thread thread = new Thread(
                () -> {
                    try {
                        work.run();
                    } catch (IOException ended) {
                        // The normal end of a connection.
                    }
                },
                "byte-counter");
        thread.setDaemon(true);
        thread.start();
    }

    /** Closes all connections. */
    @Override
    public void close() {
        try {
            listening.close();
            for (Socket socket : open) {
                socket.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
