package io.github.micronautratelimit.dynamodb;

import io.github.micronautratelimit.RateLimitBackend.SharedRecord;
import io.github.micronautratelimit.internal.Futures;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * Keeps a text in one item without {@code ttl}, whose key is {@code namespace::name}. An item that was emptied remains,
 * with an empty text, because a conditional put decides whether it has changed.
 */
final class DynamoDbRecord implements SharedRecord {

    private static final String TEXT = "txt";

    private final DynamoDbTable table;
    private final String key;

    DynamoDbRecord(DynamoDbTable table, String name) {
        this.table = table;
        this.key = table.recordKey(SharedRecord.requireName(name));
    }

    /** A consistent read: one read unit for each 4 KiB. */
    @Override
    public CompletionStage<String> read() {
        return table.read(key).thenApply(DynamoDbRecord::text);
    }

    @Override
    public CompletionStage<Boolean> replace(String expected, String replacement) {
        return Futures.call(() -> {
            SharedRecord.requireFitting(replacement);
            Map<String, AttributeValue> item =
                    Map.of(DynamoDbTable.KEY, AttributeValue.fromS(key), TEXT, AttributeValue.fromS(replacement));
            return table.putOnce(item, TEXT, expected.isEmpty() ? null : AttributeValue.fromS(expected))
                    .thenCompose(outcome -> {
                        boolean emptied = !outcome.written()
                                && expected.isEmpty()
                                && text(outcome.item()).isEmpty();
                        return emptied
                                ? table.putOnce(item, TEXT, AttributeValue.fromS(""))
                                : CompletableFuture.completedStage(outcome);
                    })
                    .thenApply(DynamoDbTable.Outcome::written);
        });
    }

    private static String text(Map<String, AttributeValue> item) {
        AttributeValue text = item.get(TEXT);
        return text == null || text.s() == null ? "" : text.s();
    }
}
