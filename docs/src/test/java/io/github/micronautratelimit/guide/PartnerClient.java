package io.github.micronautratelimit.guide;

import io.micronaut.http.annotation.Get;
import io.micronaut.http.client.annotation.Client;
import org.reactivestreams.Publisher;

// tag::client[]
@Client("partner")
interface PartnerClient {

    @Get("/orders/{id}")
    Publisher<String> order(String id);

    @Get("/orders")
    String orders();
}
// end::client[]
