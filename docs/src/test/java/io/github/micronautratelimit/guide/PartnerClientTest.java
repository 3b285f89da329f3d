package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.net.httpserver.HttpServer;
import io.micronaut.context.ApplicationContext;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** Runs the client of the chapter on limited services. */
class PartnerClientTest {

    @Test
    void clientIsLimitedWithoutAChangeOfItsCode() throws Exception {
        HttpServer partner = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        partner.createContext("/", exchange -> {
            exchange.getResponseHeaders().set("Content-Type", "text/plain");
            exchange.sendResponseHeaders(200, 2);
            exchange.getResponseBody().write(new byte[] {'o', 'k'});
            exchange.close();
        });
        partner.start();
        try (ApplicationContext context = ApplicationContext.run(
                Map.of(
                        "redis.enabled",
                        "false",
                        "ratelimit.backend",
                        "memory",
                        "micronaut.http.services.partner.url",
                        "http://127.0.0.1:" + partner.getAddress().getPort(),
                        "ratelimit.clients.partner.limits",
                        "2/h"),
                "guide")) {
            PartnerOrders orders = context.getBean(PartnerOrders.class);
            assertEquals("ok", orders.orders());
            assertEquals(
                    "ok",
                    Mono.from(context.getBean(PartnerClient.class).order("7")).block());
            assertEquals("try again in 1800 s", orders.orders());
        } finally {
            partner.stop(0);
        }
    }
}
