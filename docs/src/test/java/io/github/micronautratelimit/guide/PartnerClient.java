package io.github.micronautratelimit.guide;

// tag::client[]
import io.github.micronautratelimit.RateLimitExceededException;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.client.annotation.Client;
import jakarta.inject.Singleton;
import java.time.Duration;
import org.reactivestreams.Publisher;

@Client("partner")
interface PartnerClient {

    @Get("/orders/{id}")
    Publisher<String> order(String id);

    @Get("/orders")
    String orders();
}

@Singleton
class PartnerOrders {

    private final PartnerClient partner;

    PartnerOrders(PartnerClient partner) {
        this.partner = partner;
    }

    String orders() {
        try {
            return partner.orders();
        } catch (RateLimitExceededException e) {
            return "try again in " + e.retryAfter().map(Duration::toSeconds).orElse(0L) + " s";
        }
    }
}
// end::client[]
