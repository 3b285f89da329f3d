package io.github.micronautratelimit.examples.lambda;

import com.amazonaws.services.lambda.runtime.events.APIGatewayProxyRequestEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent;

import io.github.micronautratelimit.key.ClientAddressResolver;
import io.github.micronautratelimit.web.ClientAddress;
import io.micronaut.context.annotation.Replaces;
import io.micronaut.http.HttpRequest;
import io.micronaut.servlet.http.ServletHttpRequest;
import jakarta.inject.Singleton;

/**
 * A function has no connections: the client's address is what the gateway, or the function URL, has written into the event.
 * Headers are the client's own, and believed only if {@code ratelimit.trusted-proxies} says that a proxy of yours stands in
 * front.
 */
@Singleton
@Replaces(ClientAddressResolver.class)
class SourceAddressResolver extends ClientAddressResolver {

    private final ClientAddress addresses;

    SourceAddressResolver(ClientAddress addresses) {
        super(addresses);
        this.addresses = addresses;
    }

    @Override
    public String resolve(HttpRequest<?> request) {
        if (request instanceof ServletHttpRequest<?, ?> servlet) {
            Object event = servlet.getNativeRequest();
            if (event instanceof APIGatewayV2HTTPEvent v2) {
                return address(v2.getRequestContext().getHttp().getSourceIp(), request);
            }
            if (event instanceof APIGatewayProxyRequestEvent v1) {
                return address(v1.getRequestContext().getIdentity().getSourceIp(), request);
            }
        }
        return super.resolve(request);
    }

    private String address(String source, HttpRequest<?> request) {
        return addresses.of(source, request.getHeaders()::getAll);
    }
}
