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

/** A proxy between clients and a server that injects network faults into single commands. */
public final class TcpProxy implements AutoCloseable {

    /** The fault of a command. */
    public enum Fate {
        /** No fault. */
        PASS,
        /** The command is delivered twice in a row, and only the first reply is returned. */
        ARRIVE_TWICE,
        /** The command is executed and its reply is lost, so the client takes the next reply for it. */
        LOSE_REPLY,
        /** The command is executed, and the connection breaks before the reply. */
        BREAK_BEFORE_REPLY,
        /** The command is lost, and the connection breaks. */
        BREAK_BEFORE_ARRIVAL,
        /** The command is executed, but this reply and all later ones are lost. The connection stays open. */
        MUTE,
        /** This command and all later ones are lost. The connection stays open. */
        DEAF
    }

    /** The fault of an expected reply, and the earliest time to return it. */
    private record ExpectedReply(Fate fate, long nanos) {}

    private final int target;
    private final ServerSocket listening;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private volatile Function<String, Fate> fates = command -> Fate.PASS;
    private volatile Duration delay = Duration.ZERO;

    /** Creates a proxy of the server on a port. */
    public TcpProxy(int target) {
        this.target = target;
        try {
            this.listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        start(this::accept);
    }

    /** Returns the URI for clients. */
    public String uri() {
        return "redis://127.0.0.1:" + listening.getLocalPort();
    }

    /** Sets the fault of later commands, by their names in capital letters. */
    public void let(Function<String, Fate> fates) {
        this.fates = fates;
    }

    /** Delays each later reply, counted from its command. */
    public void delayReplies(Duration delay) {
        this.delay = delay;
    }

    /** Breaks all present connections. */
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

    /** Closes both connections if one of them ends or the server is absent. */
    private void connect(Socket client) throws IOException {
        try (client;
                Socket server = new Socket(InetAddress.getLoopbackAddress(), target)) {
            open.add(server);
            BlockingQueue<ExpectedReply> expected = new LinkedBlockingQueue<>();
            start(() -> {
                try (client;
                        server) {
                    answer(server, client, expected);
                }
            });
            forward(client, server, expected);
        }
    }

    private void forward(Socket client, Socket server, BlockingQueue<ExpectedReply> expected) throws IOException {
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
            expected.add(new ExpectedReply(fate, due));
            if (fate == Fate.ARRIVE_TWICE) {
                expected.add(new ExpectedReply(Fate.LOSE_REPLY, due));
            }
            out.write(fate == Fate.ARRIVE_TWICE ? twice(command.bytes()) : command.bytes());
        }
    }

    /** Uses one packet, so that the server executes both commands before it replies. */
    private static byte[] twice(byte[] bytes) {
        byte[] both = Arrays.copyOf(bytes, 2 * bytes.length);
        System.arraycopy(bytes, 0, both, bytes.length, bytes.length);
        return both;
    }

    private void answer(Socket server, Socket client, BlockingQueue<ExpectedReply> expected) throws IOException {
        InputStream in = new BufferedInputStream(server.getInputStream());
        OutputStream out = client.getOutputStream();
        boolean mute = false;
        while (true) {
            RespMessage reply = RespMessage.read(in);
            ExpectedReply next = expected.remove();
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

    /** Runs the work on a daemon thread until its connection ends. */
    private static void start(Work work) {
        Thread thread = new Thread(
                () -> {
                    try {
                        work.run();
                    } catch (IOException ended) {
                        // The connection has ended.
                    }
                },
                "proxy");
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
