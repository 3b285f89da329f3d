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
 * Stands between clients and a server, both on this machine, and counts the bytes that they send each other. What a client
 * has read is counted. Safe for use by any number of threads.
 */
public final class ByteCounter implements AutoCloseable {

    private static final int CHUNK = 65_536;

    private final ServerSocket listening;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final AtomicLong sent = new AtomicLong();
    private final AtomicLong received = new AtomicLong();

    /**
     * Counts what goes by to and from a server, which need not be there yet.
     *
     * @param server its port on loopback
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

    /** The port that clients connect to. */
    public int port() {
        return listening.getLocalPort();
    }

    /** How many bytes clients have sent. */
    public long sent() {
        return sent.get();
    }

    /** How many bytes the server has sent. */
    public long received() {
        return received.get();
    }

    /** Without a server the client's connection ends at once. */
    private void accept(int port) throws IOException {
        Socket client = listening.accept();
        open.add(client);
        start(() -> {
            try (client; Socket server = new Socket(InetAddress.getLoopbackAddress(), port)) {
                open.add(server);
                client.setTcpNoDelay(true);
                server.setTcpNoDelay(true);
                start(() -> carry(server, client, received));
                carry(client, server, sent);
            }
        });
    }

    private static void carry(Socket from, Socket to, AtomicLong count) throws IOException {
        try (from; to) {
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
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException ended) {
                // As connections do.
            }
        }, "byte-counter");
        thread.setDaemon(true);
        thread.start();
    }

    /** Ends all connections. */
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
