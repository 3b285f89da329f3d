package io.github.micronautratelimit.dynamodb;

import io.micronaut.context.annotation.Requires;
import io.micronaut.crac.OrderedResource;
import jakarta.inject.Singleton;
import org.crac.Context;
import org.crac.Resource;

/** Refreshes the backend after a snapshot of the process was restored, by SnapStart of Lambda or by CRaC. */
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
        // The backend holds no open resources, and no calls are in flight, because requests wait for their decisions.
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) {
        backend.restored();
    }
}
