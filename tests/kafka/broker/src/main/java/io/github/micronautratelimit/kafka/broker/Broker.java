package io.github.micronautratelimit.kafka.broker;

import java.io.IOException;
import java.io.OutputStream;
import kafka.Kafka;
import kafka.tools.StorageTool;

/** A process with one broker that is its own controller. Ends when its standard input does. */
public final class Broker {

    private Broker() {}

    /**
     * Formats the storage and starts the broker.
     *
     * @param arguments the file with the settings, and an id for the cluster
     */
    public static void main(String[] arguments) {
        Thread watch = new Thread(Broker::endWithInput, "end-with-input");
        watch.setDaemon(true);
        watch.start();
        int failed = StorageTool.execute(
                new String[] {"format", "--standalone", "--cluster-id", arguments[1], "--config", arguments[0]},
                System.out);
        if (failed != 0) {
            throw new IllegalStateException("The storage could not be formatted.");
        }
        Kafka.main(new String[] {arguments[0]});
    }

    private static void endWithInput() {
        try {
            System.in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            System.err.println("The standard input failed: " + e);
        }
        Runtime.getRuntime().halt(0);
    }
}
