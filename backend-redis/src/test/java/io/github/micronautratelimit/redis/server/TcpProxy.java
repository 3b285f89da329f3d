package io.github.micronautratelimit.redis.server;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;

/** Stands between clients and a server, and does to single commands what a network may. */
public final class TcpProxy implements AutoCloseable {

    /** What becomes of a command. */
    public enum Fate {
        /** It arrives, and so does its reply. */
        PASS,
        /** It arrives twice, one right after the other; only the first reply comes back. */
        ARRIVE_TWICE,
        /** It is carried out, and its reply gets lost; what is answered later on the connection is taken for it. */
        LOSE_REPLY,
        /** It is carried out, and the connection breaks before its reply comes. */
        BREAK_BEFORE_REPLY,
        /** It gets lost, and the connection breaks. */
        BREAK_BEFORE_ARRIVAL,
        /** It is carried out, but neither its reply nor any later one comes back on the connection, which stays. */
        MUTE,
        /** Neither it nor anything later arrives on the connection, which stays. */
        DEAF
    }

    /** What becomes of a reply, and not before when. */
    private record Awaited(Fate fate, long nanos) {
    }

    private final int target;
    private final ServerSocket listening;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private volatile Function<String, Fate> fates = command -> Fate.PASS;
    private volatile Duration delay = Duration.ZERO;

    /** A proxy of the server on this port. */
    public TcpProxy(int target) {
        this.target = target;
        try {
            this.listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        start(this::accept);
    }

    /** Where clients connect. */
    public String uri() {
        return "redis://127.0.0.1:" + listening.getLocalPort();
    }

    /** Decides from now on what becomes of each command, by its name in capital letters. */
    public void let(Function<String, Fate> fates) {
        this.fates = fates;
    }

    /** Lets every reply come back so long after its command went by. */
    public void delayReplies(Duration delay) {
        this.delay = delay;
    }

    /** Breaks all connections there are. */
    public void breakConnections() {
        try {
            cut(open.toArray(Socket[]::new));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void accept() throws IOException {
        while (true) {
            Socket client = listening.accept();
            open.add(client);
            start(() -> connect(client));
        }
    }

    /** What one end closes, or the lack of a server, the client notices. */
    private void connect(Socket client) throws IOException {
        try (client; Socket server = new Socket(InetAddress.getLoopbackAddress(), target)) {
            open.add(server);
            BlockingQueue<Awaited> awaited = new LinkedBlockingQueue<>();
            start(() -> {
                try (client; server) {
                    answer(server, client, awaited);
                }
            });
            forward(client, server, awaited);
        }
    }

    private void forward(Socket client, Socket server, BlockingQueue<Awaited> awaited) throws IOException {
        InputStream in = new BufferedInputStream(client.getInputStream());
        OutputStream out = server.getOutputStream();
        boolean deaf = false;
        while (true) {
            RespMessage command = RespMessage.read(in);
            Fate fate = fates.apply(command.commandName());
            if (fate == Fate.BREAK_BEFORE_ARRIVAL) {
                cut(client, server);
                return;
            }
            deaf |= fate == Fate.DEAF;
            if (deaf) {
                continue;
            }
            long due = System.nanoTime() + delay.toNanos();
            awaited.add(new Awaited(fate, due));
            if (fate == Fate.ARRIVE_TWICE) {
                awaited.add(new Awaited(Fate.LOSE_REPLY, due));
            }
            out.write(fate == Fate.ARRIVE_TWICE ? twice(command.bytes()) : command.bytes());
        }
    }

    /** In one packet, so that the server carries out both before it answers either. */
    private static byte[] twice(byte[] bytes) {
        byte[] both = Arrays.copyOf(bytes, 2 * bytes.length);
        System.arraycopy(bytes, 0, both, bytes.length, bytes.length);
        return both;
    }

    private void answer(Socket server, Socket client, BlockingQueue<Awaited> awaited) throws IOException {
        InputStream in = new BufferedInputStream(server.getInputStream());
        OutputStream out = client.getOutputStream();
        boolean mute = false;
        while (true) {
            RespMessage reply = RespMessage.read(in);
            Awaited next = awaited.remove();
            if (next.fate == Fate.BREAK_BEFORE_REPLY) {
                cut(client, server);
                return;
            }
            mute |= next.fate == Fate.MUTE;
            if (!mute && next.fate != Fate.LOSE_REPLY) {
                LockSupport.parkNanos(next.nanos - System.nanoTime());
                out.write(reply.bytes());
            }
        }
    }

    private void cut(Socket... sockets) throws IOException {
        for (Socket socket : sockets) {
            open.remove(socket);
            socket.close();
        }
    }

    private interface Work {

        void run() throws IOException;
    }

    /** Runs until a connection ends. */
    private static void start(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException ended) {
                // As connections do.
            }
        }, "proxy");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() {
        try {
            listening.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        breakConnections();
    }
}
