package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.annotation.RateLimit;
import jakarta.inject.Singleton;

// tag::transfers[]
@Singleton
class Transfers {

    @RateLimit(value = "100/min", key = "#{ account }", permits = "#{ amount } 1..100")
    String transfer(String account, long amount) {
        return "done";
    }
}
// end::transfers[]
