package io.github.micronautratelimit.examples.lambda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.amazonaws.services.lambda.runtime.events.SQSBatchResponse;
import com.amazonaws.services.lambda.runtime.events.SQSEvent;
import io.micronaut.context.ApplicationContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Batches of messages of a queue, handled by two instances of the function. */
class OrderFunctionTest {

    private static SQSEvent.SQSMessage message(String id, String tenant) {
        SQSEvent.MessageAttribute attribute = new SQSEvent.MessageAttribute();
        attribute.setStringValue(tenant);
        SQSEvent.SQSMessage message = new SQSEvent.SQSMessage();
        message.setMessageId(id);
        message.setBody("order " + id);
        message.setMessageAttributes(Map.of("tenant", attribute));
        return message;
    }

    private static SQSEvent batch(SQSEvent.SQSMessage... messages) {
        SQSEvent event = new SQSEvent();
        event.setRecords(List.of(messages));
        return event;
    }

    private static List<String> failed(SQSBatchResponse response) {
        return response.getBatchItemFailures().stream()
                .map(SQSBatchResponse.BatchItemFailure::getItemIdentifier)
                .toList();
    }

    private static ApplicationContext start(String table) {
        return ApplicationContext.builder()
                .properties(LocalTable.properties(table))
                .deduceEnvironment(false)
                .start();
    }

    /** The denied messages are delivered again, and those that were handled are not, so nothing is charged twice. */
    @Test
    void onlyDeniedMessagesStayInTheQueue() throws Exception {
        String table = LocalTable.create();
        try (ApplicationContext first = start(table);
                ApplicationContext second = start(table)) {
            OrderFunction one = new OrderFunction(first);
            OrderFunction two = new OrderFunction(second);
            assertEquals(
                    List.of("4", "6"),
                    failed(one.execute(batch(
                            message("1", "a"),
                            message("2", "a"),
                            message("3", "a"),
                            message("4", "a"),
                            message("5", "b"),
                            message("6", "a")))));
            assertEquals(List.of("4"), failed(two.execute(batch(message("4", "a"), message("7", "b")))));
            assertEquals(List.of(), failed(two.execute(batch(message("8", "c"), message("9", "b")))));
            assertEquals(List.of("10"), failed(one.execute(batch(message("10", "b")))));
            List<String> placed =
                    new ArrayList<>(first.getBean(OrderService.class).placed());
            placed.addAll(second.getBean(OrderService.class).placed());
            assertEquals(7, placed.size());
            assertTrue(placed.contains("b: order 9"));
        }
    }
}
