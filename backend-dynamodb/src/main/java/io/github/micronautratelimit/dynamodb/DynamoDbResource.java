package io.github.micronautratelimit.dynamodb;

import io.micronaut.context.annotation.Requires;
import io.micronaut.crac.OrderedResource;
import jakarta.inject.Singleton;
import org.crac.Context;
import org.crac.Resource;

/** Where snapshots are taken of the running process, by Lambda's SnapStart or by CRaC, lets the backend begin anew. */
@Singleton
@Requires(classes = OrderedResource.class)
@Requires(beans = DynamoDbBackend.class)
final class DynamoDbResource implements OrderedResource {

    private final DynamoDbBackend backend;

    DynamoDbResource(DynamoDbBackend backend) {
        this.backend = backend;
    }

    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) {
        // Nothing is open that is the backend's own, and nothing is in flight: whoever decides waits for the answer.
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) {
        backend.restored();
    }
}
