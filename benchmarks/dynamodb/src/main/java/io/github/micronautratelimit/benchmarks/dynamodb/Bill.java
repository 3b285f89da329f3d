package io.github.micronautratelimit.benchmarks.dynamodb;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicLong;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/** Counts the reads and writes that AWS would bill. Failed writes are billed too. Items are smaller than 1 KB. */
final class Bill {

    private final AtomicLong reads = new AtomicLong();
    private final AtomicLong writes = new AtomicLong();
    private final DynamoDbClient client;

    Bill(DynamoDbClient store) {
        client = (DynamoDbClient) Proxy.newProxyInstance(
                Bill.class.getClassLoader(), new Class<?>[] {DynamoDbClient.class}, (proxy, method, arguments) -> {
                    (method.getName().equals("getItem") ? reads : writes).incrementAndGet();
                    try {
                        return method.invoke(store, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    DynamoDbClient client() {
        return client;
    }

    long reads() {
        return reads.get();
    }

    long writes() {
        return writes.get();
    }
}
