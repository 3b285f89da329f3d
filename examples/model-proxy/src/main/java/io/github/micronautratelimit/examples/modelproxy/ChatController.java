package io.github.micronautratelimit.examples.modelproxy;

import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.http.RateLimitCharges;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.sse.Event;
import reactor.core.publisher.Flux;

/** Forwards prompts to the model. The limits are in application.yml. */
@Requires(notEnv = Application.MODEL)
// tag::chat[]
@Controller("/chat")
class ChatController {

    private final ModelClient model;

    ChatController(ModelClient model) {
        this.model = model;
    }

    @Post(produces = MediaType.TEXT_EVENT_STREAM)
    @RateLimit(policy = "tokens", permits = "#{ prompt.estimate() } 1..2000")
    @RateLimit(policy = "requests")
    Flux<Event<Part>> chat(@Body Prompt prompt, RateLimitCharges charges) {
        return Flux.from(model.complete(prompt)).doOnNext(event -> {
            Long usage = event.getData().usage();
            if (usage != null) {
                charges.settle(usage); // the policy "requests" has a fixed cost, which stays
            }
        });
    }
}
// end::chat[]
