package io.github.micronautratelimit.client;

import io.github.micronautratelimit.AsyncBackend;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.micronaut.context.ApplicationContext;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.StreamingHttpClient;
import io.micronaut.http.client.annotation.Client;
import java.net.URI;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** One instance of an application that calls a {@link Service} under limits of its own. */
final class Application implements AutoCloseable {

    final ApplicationContext context;

    private Application(ApplicationContext context) {
        this.context = context;
    }

    /** The keys that instances share. */
    static AsyncBackend.Shared store() {
        return new AsyncBackend.Shared(new MemoryBackend(MicroClock.system(), 1_000));
    }

    /** Starts an instance whose calls are limited under the name {@code partner}. */
    static Application start(Service service, AsyncBackend.@Nullable Shared store, String... properties) {
        Map<String, Object> all = new HashMap<>(Map.of(
                "spec",
                "ClientLimits",
                "clock",
                "real",
                "micronaut.http.services.partner.url",
                service.url(),
                "micronaut.http.services.partner.read-timeout",
                "60s"));
        for (int i = 0; i < properties.length; i += 2) {
            String name = properties[i];
            all.put(name.startsWith("ratelimit.") ? name : "ratelimit.clients.partner." + name, properties[i + 1]);
        }
        if (store == null) {
            return new Application(ApplicationContext.run(all));
        }
        all.put("ratelimit.backend", "async");
        ApplicationContext context = ApplicationContext.builder(all).build();
        context.registerSingleton(AsyncBackend.Shared.class, store);
        return new Application(context.start());
    }

    Partner partner() {
        return context.getBean(Partner.class);
    }

    HttpClient lowLevel(Service service) {
        return context.createBean(HttpClient.class, URI.create(service.url()));
    }

    StreamingHttpClient streaming(Service service) {
        return context.createBean(StreamingHttpClient.class, URI.create(service.url()));
    }

    RateLimiter limiter() {
        return context.getBean(RateLimiter.class);
    }

    ClientCounts counts() {
        return context.getBean(LimitedCalls.class).counts().get(0);
    }

    @Override
    public void close() {
        context.close();
    }

    /** A declarative client. */
    @Client("partner")
    interface Partner {

        @Get("/sync")
        String get();

        @Get("/reactive")
        Mono<String> reactive();

        @Get("/response")
        HttpResponse<String> response();

        @Post("/post")
        String post(@Body String body);
    }
}
