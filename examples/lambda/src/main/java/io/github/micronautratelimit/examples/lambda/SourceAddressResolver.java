package io.github.micronautratelimit.examples.lambda;

import com.amazonaws.services.lambda.runtime.events.APIGatewayProxyRequestEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent;

import io.github.micronautratelimit.key.ClientAddressResolver;
import io.micronaut.context.annotation.Replaces;
import io.micronaut.http.HttpRequest;
import io.micronaut.servlet.http.ServletHttpRequest;
import jakarta.inject.Singleton;

/**
 * A function has no connections: the client's address is what the gateway, or the function URL, has written into the event.
 * Headers are the client's own and are not believed.
 */
@Singleton
@Replaces(ClientAddressResolver.class)
class SourceAddressResolver extends ClientAddressResolver {

    @Override
    public String resolve(HttpRequest<?> request) {
        if (request instanceof ServletHttpRequest<?, ?> servlet) {
            Object event = servlet.getNativeRequest();
            if (event instanceof APIGatewayV2HTTPEvent v2) {
                return v2.getRequestContext().getHttp().getSourceIp();
            }
            if (event instanceof APIGatewayProxyRequestEvent v1) {
                return v1.getRequestContext().getIdentity().getSourceIp();
            }
        }
        return super.resolve(request);
    }
}
