package io.github.micronautratelimit.client;

import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.http.RequestExecutor;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.order.Ordered;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.MutableHttpRequest;
import io.micronaut.http.annotation.ClientFilter;
import io.micronaut.http.annotation.RequestFilter;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.http.context.ServerRequestContext;
import io.micronaut.http.filter.ConditionalFilter;
import io.micronaut.http.filter.FilterContinuation;
import org.reactivestreams.Publisher;

/**
 * Limits the calls of declarative and low-level HTTP clients to the services of {@code ratelimit.clients}. It is the
 * last filter of a client, so calls that another filter answers cost nothing, and partitions contain the headers that
 * other filters add.
 */
@ClientFilter(ClientFilter.MATCH_ALL_PATTERN)
@RequiresRateLimit
@Requires(classes = HttpClientResponseException.class)
final class ClientLimitFilter implements ConditionalFilter, Ordered {

    private final LimitedClients clients;
    private final LimitedCalls calls;
    private final RequestExecutor executors;

    ClientLimitFilter(LimitedClients clients, LimitedCalls calls, RequestExecutor executors) {
        this.clients = clients;
        this.calls = calls;
        this.executors = executors;
    }

    @Override
    public boolean isEnabled(HttpRequest<?> request) {
        return clients.find(request) != null;
    }

    @RequestFilter
    Publisher<HttpResponse<?>> limit(
            MutableHttpRequest<?> request, FilterContinuation<Publisher<HttpResponse<?>>> continuation) {
        LimitedClient client = clients.find(request);
        if (client == null || LimitedCall.repeated(request)) {
            return continuation.proceed();
        }
        HttpRequest<?> parent = ServerRequestContext.currentRequest().orElse(null);
        return new LimitedCall(calls, client, request, continuation, executors.ofCaller(parent)).send();
    }

    /** Client filters run from the lowest precedence to the highest. */
    @Override
    public int getOrder() {
        return Ordered.HIGHEST_PRECEDENCE;
    }
}
