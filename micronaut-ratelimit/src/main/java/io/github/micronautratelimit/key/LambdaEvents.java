package io.github.micronautratelimit.key;

import com.amazonaws.services.lambda.runtime.events.APIGatewayProxyRequestEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent;
import com.amazonaws.services.lambda.runtime.events.ApplicationLoadBalancerRequestEvent;
import io.github.micronautratelimit.configuration.HttpConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.web.ClientAddress;
import io.github.micronautratelimit.web.ConfigurationWarning;
import io.github.micronautratelimit.web.ConfigurationWarnings;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpRequestWrapper;
import io.micronaut.servlet.http.ServletHttpRequest;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Reads the events of AWS Lambda. API Gateway and function URLs state the source address in the request context, which
 * no client can forge. A load balancer appends it to {@code X-Forwarded-For}, so the last hop is the client, and hops
 * before it count only if {@code ratelimit.trusted-proxies} declares the proxies that wrote them.
 */
@Singleton
@RequiresRateLimit
@Requires(classes = {ServletHttpRequest.class, APIGatewayV2HTTPEvent.class})
final class LambdaEvents implements FunctionEvents {

    /** Replaces the address of a client that the event does not state. All such clients are one. */
    private static final String UNKNOWN = "unknown";

    private static final String FORWARDED_FOR = "X-Forwarded-For";
    /** Stands for the load balancer in a chain of proxies that is only counted. */
    private static final String LOAD_BALANCER = "0.0.0.0";

    private final ClientAddress addresses;
    private final ConfigurationWarnings warnings;
    private final boolean isProxyTrusted;
    private final boolean areProxiesCounted;

    LambdaEvents(ClientAddress addresses, HttpConfiguration configuration, ConfigurationWarnings warnings) {
        List<String> proxies = configuration.getTrustedProxies();
        this.addresses = addresses;
        this.warnings = warnings;
        this.areProxiesCounted = proxies.size() == 1 && proxies.get(0).matches("[1-9]\\d*");
        this.isProxyTrusted =
                areProxiesCounted || !proxies.isEmpty() && !proxies.get(0).equals("0");
    }

    @Override
    public @Nullable String address(HttpRequest<?> request) {
        Object event = eventOf(request);
        String address;
        if (event instanceof APIGatewayV2HTTPEvent v2) {
            address = behindGateway(sourceOf(v2), request);
        } else if (event instanceof APIGatewayProxyRequestEvent v1) {
            APIGatewayProxyRequestEvent.RequestIdentity identity = identityOf(v1);
            address = behindGateway(identity == null ? null : identity.getSourceIp(), request);
        } else if (event instanceof ApplicationLoadBalancerRequestEvent) {
            address = behindLoadBalancer(request);
        } else {
            return null;
        }
        if (address == null) {
            warnings.warn(ConfigurationWarning.EVENT_WITHOUT_ADDRESS);
            return UNKNOWN;
        }
        return address;
    }

    @Override
    public @Nullable String apiKey(HttpRequest<?> request) {
        APIGatewayProxyRequestEvent.RequestIdentity identity =
                eventOf(request) instanceof APIGatewayProxyRequestEvent v1 ? identityOf(v1) : null;
        String key = identity == null ? null : identity.getApiKey();
        return key == null || key.isEmpty() ? null : key;
    }

    private static @Nullable Object eventOf(HttpRequest<?> request) {
        HttpRequest<?> unwrapped = request;
        while (unwrapped instanceof HttpRequestWrapper<?> wrapper) {
            unwrapped = wrapper.getDelegate();
        }
        return unwrapped instanceof ServletHttpRequest<?, ?> servlet ? servlet.getNativeRequest() : null;
    }

    private static @Nullable String sourceOf(APIGatewayV2HTTPEvent event) {
        APIGatewayV2HTTPEvent.RequestContext context = event.getRequestContext();
        APIGatewayV2HTTPEvent.RequestContext.Http http = context == null ? null : context.getHttp();
        return http == null ? null : http.getSourceIp();
    }

    private static APIGatewayProxyRequestEvent.@Nullable RequestIdentity identityOf(APIGatewayProxyRequestEvent event) {
        APIGatewayProxyRequestEvent.ProxyRequestContext context = event.getRequestContext();
        return context == null ? null : context.getIdentity();
    }

    /** The gateway always forwards headers, so they are read only if a proxy in front of it is trusted. */
    private @Nullable String behindGateway(@Nullable String source, HttpRequest<?> request) {
        if (source == null || source.isBlank()) {
            return null;
        }
        return addresses.of(source, isProxyTrusted ? lines(request) : name -> List.of());
    }

    private @Nullable String behindLoadBalancer(HttpRequest<?> request) {
        Function<String, List<String>> lines = lines(request);
        if (areProxiesCounted) {
            String client = addresses.of(LOAD_BALANCER, lines);
            return client.equals(LOAD_BALANCER) ? null : client;
        }
        List<String> forwarded = lines.apply(FORWARDED_FOR);
        if (forwarded.isEmpty()) {
            return null;
        }
        String all = String.join(",", forwarded);
        int comma = all.lastIndexOf(',');
        String client = addresses.spelled(withoutPort(all.substring(comma + 1).strip()));
        if (client == null) {
            return null;
        }
        List<String> before = isProxyTrusted && comma >= 0 ? List.of(all.substring(0, comma)) : List.of();
        return addresses.of(
                withoutPort(all.substring(comma + 1).strip()),
                name -> name.equalsIgnoreCase(FORWARDED_FOR) ? before : List.of());
    }

    /** A load balancer may be configured to add the port of the client. */
    private static String withoutPort(String hop) {
        int colon = hop.lastIndexOf(':');
        if (hop.startsWith("[")) {
            return hop.substring(1, Math.max(1, hop.indexOf(']')));
        }
        return colon >= 0 && hop.indexOf(':') == colon ? hop.substring(0, colon) : hop;
    }

    private static Function<String, List<String>> lines(HttpRequest<?> request) {
        return name -> request.getHeaders().getAll(name);
    }
}
