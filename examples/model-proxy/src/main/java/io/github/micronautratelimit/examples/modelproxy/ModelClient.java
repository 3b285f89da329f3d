package io.github.micronautratelimit.examples.modelproxy;

import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.http.sse.Event;
import org.reactivestreams.Publisher;

/** Calls the model. */
@Client("${model.url}")
interface ModelClient {

    /** Streams the answer to a prompt. */
    @Post(value = "/completions", consumes = MediaType.TEXT_EVENT_STREAM)
    Publisher<Event<Part>> complete(@Body Prompt prompt);
}
