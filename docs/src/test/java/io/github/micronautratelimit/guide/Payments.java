package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.annotation.RateLimit;
import jakarta.inject.Singleton;
import java.io.IOException;

// tag::payments[]
@Singleton
class Payments {

    @RateLimit(value = "100/min", refundOn = "java.io.IOException") // a call that fails with it costs nothing
    String pay(String account, boolean reachable) throws IOException {
        if (!reachable) {
            throw new IOException("The bank does not answer.");
        }
        return "paid from " + account;
    }
}
// end::payments[]
