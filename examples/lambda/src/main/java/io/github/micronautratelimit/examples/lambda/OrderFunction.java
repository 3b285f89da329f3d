package io.github.micronautratelimit.examples.lambda;

import com.amazonaws.services.lambda.runtime.events.SQSBatchResponse;
import com.amazonaws.services.lambda.runtime.events.SQSBatchResponse.BatchItemFailure;
import com.amazonaws.services.lambda.runtime.events.SQSEvent;
import io.github.micronautratelimit.RateLimitExceededException;
import io.micronaut.context.ApplicationContext;
import io.micronaut.function.aws.MicronautRequestHandler;
import jakarta.inject.Inject;
import java.util.ArrayList;
import java.util.List;

/**
 * Handles the messages of a queue. A message that exceeds the limit stays in the queue, and so do no others: only the
 * messages that are named in the response are delivered again. The event source needs the function response type
 * {@code ReportBatchItemFailures}.
 */
public class OrderFunction extends MicronautRequestHandler<SQSEvent, SQSBatchResponse> {

    @Inject
    OrderService orders;

    /** Creates the function with an application context of its own. */
    public OrderFunction() {}

    OrderFunction(ApplicationContext context) {
        super(context);
    }

    // tag::batch[]
    @Override
    public SQSBatchResponse execute(SQSEvent event) {
        List<BatchItemFailure> denied = new ArrayList<>();
        for (SQSEvent.SQSMessage message : event.getRecords()) {
            try {
                orders.place(tenantOf(message), message.getBody());
            } catch (RateLimitExceededException e) {
                denied.add(new BatchItemFailure(message.getMessageId()));
            }
        }
        return new SQSBatchResponse(denied);
    }
    // end::batch[]

    /** Messages without a tenant share one limit. */
    private static String tenantOf(SQSEvent.SQSMessage message) {
        SQSEvent.MessageAttribute tenant = message.getMessageAttributes().get("tenant");
        return tenant == null ? "" : tenant.getStringValue();
    }
}
